"""Embeddings of a track at given times: of windows around them, or of the frames of an encoder.

Shapes: T samples, M times, D values.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from benchmark.embed.windows import Float32, embed_windows, input_view
from benchmark.predict.inference import Audio, Float64, Int64, batch_size
from datamodules.loaders.windowing import cut
from lightning_modules.base import TaggingModule
from lightning_modules.frozen.encoder import FrozenEncoder

_SECONDS = 1.0


def embed_at(module: TaggingModule, samples: Audio, times: Float64, layer: str) -> Float32:
    """Return the embedding of a layer at each of some times, (M, D).

    It describes one second of audio around a time, or the shortest or longest input of the model if
    that is longer or shorter. Beyond its ends, the audio is continued by zeros. An encoder with an
    output for each moment gives that of the frame at that time, in the context of a whole window.

    Args:
        module: Model in evaluation mode, on its device.
        samples: Samples (T,) at the model's rate.
        times: Times (M,) in seconds, ascending, from 0 to the end of the samples.
        layer: Name of the layer.
    """
    if isinstance(module, FrozenEncoder) and module.has_frames:
        frames = _frames_at(module, samples, times, layer)
        if frames is not None:
            return frames
    length = _length(module)
    # In the padded samples, the window around a centre starts where the centre was.
    starts = np.rint(times * module.sample_rate).astype(np.int64)
    padded = np.pad(samples, (length // 2, length))
    pieces = (_values(module, padded[start : start + length]) for start in starts)
    return embed_windows(module, pieces, (layer,))[layer]


def _length(module: TaggingModule) -> int:
    """Return the length of audio around a time, in samples at the rate of the model."""
    per_row = input_view(module).seconds_per_row or _SECONDS
    longest = max(module.min_samples * per_row, _SECONDS)
    seconds = min(longest, module.input_samples * per_row)
    return max(1, round(seconds * module.sample_rate))


def _values(module: TaggingModule, samples: Audio) -> Audio:
    """Return what the model sees of samples, repeated to the shortest input that it takes."""
    values = input_view(module).compute(samples)
    length = min(max(len(values), module.min_samples), module.input_samples)
    return np.asarray(cut(values, [0], length)[0])


def _frames_at(
    encoder: FrozenEncoder, samples: Audio, times: Float64, layer: str
) -> Float32 | None:
    """Return the frames (M, D) of a layer at some times; None if it has one output a window.

    Windows overlap by half. A time reads the window whose centre is nearest, whose F frames divide
    it into equal parts.
    """
    length = min(encoder.input_samples, max(len(samples), encoder.min_samples))
    room = max(len(samples) - length, 0)
    starts = np.unique(np.append(np.arange(0, room, max(1, length // 2)), room)).astype(np.int64)
    positions = times * encoder.sample_rate
    window_of = np.abs(positions[:, None] - (starts + length / 2)).argmin(1)
    found: list[Float32] = []
    for first, windows in _batches(samples, starts, length):
        with torch.inference_mode():
            states = encoder.outputs(torch.from_numpy(windows).to(encoder.device))[layer]
        if states.ndim != 3:
            return None
        n_frames = states.shape[1]
        for number, state in enumerate(states, start=first):
            inside = (positions[window_of == number] - starts[number]) / length * n_frames
            frames = np.clip(inside.astype(np.int64), 0, n_frames - 1)
            found.append(state[torch.from_numpy(frames).to(state.device)].float().cpu().numpy())
    return np.concatenate(found)


def _batches(samples: Audio, starts: Int64, length: int) -> Iterator[tuple[int, Audio]]:
    """Yield the number of the first window of a batch, and its windows."""
    size = batch_size(length)
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    for first in range(0, len(starts), size):
        yield first, cut(samples, starts[first : first + size], length)
