"""Attention maps and tag-wise contributions of a self-attention tagger (Won et al. 2019).

Any model that implements the protocol of ``lightning_modules.layers.attention`` can be explained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

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
        start: Start of the clip in seconds.
        stop: End of the clip in seconds.
        times: Centre of each moment (T,) in seconds. A moment is a token of a window; tokens of the
            last window that overlap the window before are left out.
        probabilities: Mean probability of each tag (C,) over the windows.
        attention: Float32 (W, L, H, N, N), weight of each token (last axis) for each query of each
            head, layer and window. Rows sum to 1; token 0 is the class token.
        received: Attention that each moment receives (L, H, T): from the class token in the last
            layer, from the sum over all tokens in the layers before.
        layer: The layer of ``contributions``, counted from 1.
        contributions: Probability of each tag (C, T) if all queries of that layer attend to that
            moment only.
    """

    tags: tuple[str, ...]
    start: float
    stop: float
    times: Float64
    probabilities: Float64
    attention: Float32
    received: Float64
    layer: int
    contributions: Float64


def explain(
    module: TaggingModule,
    tags: Sequence[str],
    audio: Float32,
    start: float = 0.0,
    layer: int | None = None,
) -> Explanation:
    """Compute attention and contributions for consecutive windows of a clip.

    Args:
        module: Attention model in evaluation mode, on its device.
        tags: Names of its outputs (C,).
        audio: Samples (T,) at the model's rate.
        start: Start of the clip within a longer track, in seconds.
        layer: Layer of the contributions, counted from 1; None means the last.

    Raises:
        TagbenchError: The model has no attention layers, or no such layer.
    """
    if not isinstance(module, AttentionModel) or not module.attentions:
        raise TagbenchError(
            f"{type(module).__name__} has no attention layers: use a self-attention model."
        )
    layer = _layer_number(len(module.attentions), layer)
    rate, window = module.sample_rate, module.input_samples
    starts = window_starts(len(audio), window, Windowing())
    maps, received, contributions, times, scores = [], [], [], [], []
    covered = 0.0  # seconds that the windows so far cover
    for first, piece in zip(starts, cut(audio, starts, window), strict=True):
        attention, forced, probabilities = _explain_window(module, piece, layer - 1)
        n_moments = len(forced) - 1
        centres = first / rate + (np.arange(n_moments) + 0.5) * window / rate / n_moments
        fresh = (centres > covered) & (centres < max(len(audio) / rate, centres[0] + 1e-9))
        covered = (first + window) / rate
        maps.append(attention)
        received.append(_received(attention)[..., fresh])
        contributions.append(forced[1:][fresh].T)
        times.append(centres[fresh])
        scores.append(probabilities)
    return Explanation(
        tags=tuple(tags),
        start=start,
        stop=start + len(audio) / rate,
        times=start + np.concatenate(times),
        probabilities=np.mean(scores, axis=0),
        attention=np.stack(maps),
        received=np.concatenate(received, axis=-1),
        layer=layer,
        contributions=np.concatenate(contributions, axis=-1),
    )


def contribution(module: AttentionModel, tokens: Tensor, layer: int = -1) -> Float64:
    """Return the probabilities (N, C) if a layer attends to each token only.

    Args:
        module: Model in evaluation mode.
        tokens: Tokens (1, N, D) of one window.
        layer: Index of the layer.
    """
    layers, n_tokens = module.attentions, tokens.shape[1]
    layer %= len(layers)
    inputs: list[Tensor] = []
    with layers[layer].register_forward_pre_hook(lambda _, given: inputs.append(given[0])):
        module.classify(tokens)
    x = inputs[0]  # (1, N, D)
    every = torch.arange(n_tokens, device=tokens.device)
    rows = []
    for first in range(0, n_tokens, _TOKENS_PER_BATCH):
        at = every[first : first + _TOKENS_PER_BATCH]  # tokens that are attended to, (B,)
        if layer == len(layers) - 1:
            # The tags read the class token, whose output depends on itself and on one other token.
            given, target = torch.stack([x[0, :1].expand(len(at), -1), x[0, at]], 1), at * 0 + 1
        else:
            given, target = x.expand(len(at), -1, -1), at
        n_given = given.shape[1]
        one_hot = F.one_hot(target, n_given).to(x)[:, None, None]  # for all queries of all heads
        with forcing(layers[layer], one_hot.expand(-1, 1, n_given, -1)):
            logits = module.classify(given, layer)
        rows.append(module.probabilities(logits).double().cpu())
    return torch.cat(rows).numpy()


@contextmanager
def forcing(layer: AttentionLayer, attention: Tensor) -> Iterator[None]:
    """Replace the attention of a layer by ``attention`` (B, 1 or H, N, N) within the block."""
    layer.forced = attention
    try:
        yield
    finally:
        layer.forced = None


def _layer_number(n_layers: int, layer: int | None) -> int:
    """Return ``layer``, or the last layer for None."""
    if layer is not None and not 1 <= layer <= n_layers:
        raise TagbenchError(f"--layer {layer}: the model has the layers 1 to {n_layers}.")
    return layer or n_layers


def _explain_window(
    module: AttentionModel, audio: Float32, layer: int
) -> tuple[Float32, Float64, Float64]:
    """Explain one window of samples (T,).

    Returns:
        Attention (L, H, N, N), contributions (N, C) and probabilities (C,).
    """
    device = next(module.attentions[0].parameters()).device
    with torch.inference_mode():
        tokens = module.tokens(torch.from_numpy(audio)[None].to(device))
        attention, logits = _attend(module, tokens)
        probabilities = module.probabilities(logits)[0].double().cpu().numpy()
        return attention, contribution(module, tokens, layer), probabilities


def _attend(module: AttentionModel, tokens: Tensor) -> tuple[Float32, Tensor]:
    """Classify one window and return the attention (L, H, N, N) of all layers with the logits."""
    maps: list[Tensor] = []

    def record(layer: AttentionLayer, inputs: tuple[Tensor, ...]) -> None:
        maps.append(layer.weights(inputs[0])[0])

    hooks = [layer.register_forward_pre_hook(record) for layer in module.attentions]
    try:
        logits = module.classify(tokens)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(maps).float().cpu().numpy(), logits


def _received(attention: Float32) -> Float64:
    """Reduce attention (L, H, N, N) to what each moment receives (L, H, N - 1)."""
    from_all = attention[:-1].sum(axis=2, dtype=np.float64)
    from_class = attention[-1:, :, 0].astype(np.float64)
    return np.concatenate([from_all, from_class])[..., 1:]
