"""Any checkpoint through the interface of HEAR 2021 (hearbenchmark.com/hear-api.html).

Tools that take the name of such a module run a checkpoint with ``benchmark.hear`` and the folder of
the checkpoint as the model file.

Shapes: N sounds, T samples of a sound, M timestamps, D values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.config.schema import WindowsSpec
from benchmark.embed.over_time import embed_at
from benchmark.embed.windows import chosen_layers, embed_windows, input_view
from benchmark.predict.inference import Audio
from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Windowing, cut, window_starts
from datamodules.views.resample import at_rate
from lightning_modules.base import TaggingModule

SAMPLE_RATES = (16000, 22050, 32000, 44100, 48000)
"""Sample rates in Hz of the interface."""


class HearModel(nn.Module):
    """A tagger with the attributes of the interface.

    Args:
        module: Model in evaluation mode.
        windowing: Protocol that places the windows of scene embeddings.
        layer: Name of the layer.
        hop_ms: Distance of two timestamps in milliseconds.

    Attributes:
        sample_rate: Rate in Hz of the audio that callers pass: that of the model, or the next
            higher one of `SAMPLE_RATES`, from which the audio is then resampled.
        scene_embedding_size: Number of values of an embedding.
        timestamp_embedding_size: The same number.
    """

    def __init__(
        self, module: TaggingModule, windowing: Windowing, layer: str, hop_ms: float
    ) -> None:
        super().__init__()
        self.module, self.windowing, self.layer, self.hop_ms = module, windowing, layer, hop_ms
        higher = [rate for rate in SAMPLE_RATES if rate >= module.sample_rate]
        self.sample_rate = higher[0] if higher else SAMPLE_RATES[-1]
        self.scene_embedding_size = self.timestamp_embedding_size = module.layer_widths[layer]

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Move or convert all tensors; Lightning does not see where a parent module moves them."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for tensor in chain(self.module.parameters(), self.module.buffers()):
            self.module.to(tensor.device)
            break
        return self

    def sounds(self, audio: Tensor) -> Iterator[Audio]:
        """Yield each sound of audio (N, T) at the rate of the model."""
        if audio.ndim != 2 or not audio.shape[1]:
            raise TagbenchError(
                f"HEAR: expected audio of shape (n_sounds, n_samples), got {tuple(audio.shape)}."
            )
        for sound in audio.detach().float().cpu().numpy():
            yield at_rate(sound, self.sample_rate, self.module.sample_rate)


def load_model(
    model_file_path: str = "", layer: str = "", windows: str = "", hop_ms: float = 50.0
) -> HearModel:
    """Load a checkpoint.

    Args:
        model_file_path: Folder of a checkpoint or of a trained cell, as for ``tagbench embed``.
        layer: Name of a layer; by default the last.
        windows: Protocol that places the windows of scene embeddings; by default that of the
            checkpoint.
        hop_ms: Distance of two timestamps in milliseconds.

    Raises:
        TagbenchError: There is no such checkpoint, layer or protocol, or the hop is not above 0.
    """
    if not model_file_path:
        raise TagbenchError("HEAR: name the folder of a checkpoint as the model file.")
    if hop_ms <= 0:
        raise TagbenchError(f"HEAR: hop_ms must be above 0, got {hop_ms}.")
    module, card = load_checkpoint(Path(model_file_path), "cpu")
    if not input_view(module).reads_audio:
        raise TagbenchError(f"HEAR: the input of {card.title} is not audio.")
    (name,) = chosen_layers(module, [layer] if layer else [])
    windowing = WindowsSpec.model_validate({"protocol": windows or card.windows}).build()
    return HearModel(module, windowing, name, hop_ms)


def get_scene_embeddings(audio: Tensor, model: HearModel) -> Tensor:
    """Map audio (N, T) to embeddings (N, D), the means over the windows of each sound.

    The windows are those of predictions: a sound shorter than a window is repeated.
    """
    window = model.module.input_samples

    def windows() -> Iterator[Audio]:
        for sound in model.sounds(audio):
            values = input_view(model.module).compute(sound)
            yield from cut(values, window_starts(len(values), window, model.windowing), window)

    rows = embed_windows(model.module, windows(), (model.layer,))[model.layer]
    scenes = rows.reshape(len(audio), -1, rows.shape[1]).mean(1, dtype=np.float64)
    return torch.from_numpy(scenes.astype(np.float32)).to(audio.device)


def get_timestamp_embeddings(audio: Tensor, model: HearModel) -> tuple[Tensor, Tensor]:
    """Map audio (N, T) to embeddings (N, M, D) and their times in milliseconds (N, M).

    There is one at every multiple of ``hop_ms`` from 0 to the end of the audio; see `embed_at`.
    """
    seconds = audio.shape[-1] / model.sample_rate
    times = np.arange(int(seconds * 1000 / model.hop_ms + 1e-9) + 1) * model.hop_ms
    rows = [
        embed_at(model.module, sound, times / 1000, model.layer) for sound in model.sounds(audio)
    ]
    embeddings = torch.from_numpy(np.stack(rows)).to(audio.device)
    timestamps = torch.from_numpy(times).float().expand(len(audio), -1)
    return embeddings, timestamps.to(audio.device)
