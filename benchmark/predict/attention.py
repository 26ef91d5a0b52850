"""Where a self-attention tagger looks, and what each moment says (Won et al. 2019).

Any model can be explained that says how it attends: see ``lightning_modules.layers.attention``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Windowing, cut, window_starts
from lightning_modules.base import TaggingModule
from lightning_modules.layers.attention import AttentionLayer, AttentionModel

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
_TOKENS_PER_BATCH = 32


@dataclass(frozen=True)
class Explanation:
    """Attention and contributions over a clip of W windows.

    Attributes:
        tags: Names (C,).
        start: Where the clip starts, in seconds.
        stop: Where it ends.
        times: Centre of each moment (T,), in seconds: the tokens of all windows, without those of
            the last window that another covers.
        probabilities: Of each tag (C,), mean over windows.
        attention: Float32 (W, L, H, N, N): weight of each token (last axis) for each query of each
            head, layer and window. Rows sum to 1; token 0 is the class token.
        received: Attention that each moment receives (L, H, T): from the class token in the last
            layer, from all tokens together in those before.
        contributions: Probability of each tag (C, T) if every query of the last layer attends to
            that moment alone.
    """

    tags: tuple[str, ...]
    start: float
    stop: float
    times: Float64
    probabilities: Float64
    attention: Float32
    received: Float64
    contributions: Float64


def explain(
    module: TaggingModule, tags: Sequence[str], audio: Float32, start: float = 0.0
) -> Explanation:
    """Explain what a model hears in a clip, window by window, back to back.

    Args:
        module: An attention model, on its device, in evaluation mode.
        tags: Names of its outputs.
        audio: Shape (T,) at the model's rate.
        start: Where in a longer track the clip starts, in seconds.

    Raises:
        TagbenchError: The model has no attention.
    """
    if not isinstance(module, AttentionModel):
        raise TagbenchError(
            f"{type(module).__name__} has no attention to explain. Take the checkpoint of a "
            "self-attention model."
        )
    rate, window = module.sample_rate, module.input_samples
    starts = window_starts(len(audio), window, Windowing())
    maps, received, contributions, times, scores = [], [], [], [], []
    heard = 0.0  # seconds that the windows so far cover
    for first, piece in zip(starts, cut(audio, starts, window), strict=True):
        with torch.inference_mode():
            tokens = module.tokens(torch.from_numpy(piece)[None].to(module.device))
            attention, logits = _attend(module, tokens)
            forced = contribution(module, tokens)
        n_moments = tokens.shape[1] - 1
        centres = first / rate + (np.arange(n_moments) + 0.5) * window / rate / n_moments
        fresh = (centres > heard) & (centres < max(len(audio) / rate, centres[0] + 1e-9))
        heard = (first + window) / rate
        maps.append(attention)
        received.append(_received(attention)[..., fresh])
        contributions.append(forced[1:][fresh].T)
        times.append(centres[fresh])
        scores.append(module.probabilities(logits)[0].double().cpu().numpy())
    return Explanation(
        tags=tuple(tags),
        start=start,
        stop=start + len(audio) / rate,
        times=start + np.concatenate(times),
        probabilities=np.mean(scores, axis=0),
        attention=np.stack(maps),
        received=np.concatenate(received, axis=-1),
        contributions=np.concatenate(contributions, axis=-1),
    )


def contribution(module: AttentionModel, tokens: Tensor) -> Float64:
    """Return the probabilities (N, C) if the last layer attends to each token alone.

    Args:
        module: In evaluation mode.
        tokens: Of one window (1, N, D).
    """
    n_tokens = tokens.shape[1]
    rows = []
    one_hot = torch.eye(n_tokens, dtype=tokens.dtype, device=tokens.device)
    for first in range(0, n_tokens, _TOKENS_PER_BATCH):
        part = one_hot[first : first + _TOKENS_PER_BATCH]
        alike = part[:, None, None].expand(-1, 1, n_tokens, -1)  # for all queries of all heads
        with forcing(module.attentions[-1], alike):
            logits = module.classify(tokens.expand(len(part), -1, -1))
        rows.append(module.probabilities(logits).double().cpu())
    return torch.cat(rows).numpy()


@contextmanager
def forcing(layer: AttentionLayer, attention: Tensor) -> Iterator[None]:
    """Make a layer pay an attention (B, 1 or H, N, N) of ours inside the block."""
    layer.forced = attention
    try:
        yield
    finally:
        layer.forced = None


def _attend(module: AttentionModel, tokens: Tensor) -> tuple[Float32, Tensor]:
    """Classify one window and return the attention (L, H, N, N) of all layers with the logits."""
    found: list[Tensor] = []

    def record(layer: AttentionLayer, inputs: tuple[Tensor, ...]) -> None:
        found.append(layer.weights(inputs[0])[0])

    hooks = [layer.register_forward_pre_hook(record) for layer in module.attentions]
    try:
        logits = module.classify(tokens)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(found).float().cpu().numpy(), logits


def _received(attention: Float32) -> Float64:
    """Reduce attention (L, H, N, N) to what each moment receives (L, H, N - 1)."""
    from_all = attention[:-1].sum(axis=2, dtype=np.float64)
    from_class = attention[-1:, :, 0].astype(np.float64)
    return np.concatenate([from_all, from_class])[..., 1:]
