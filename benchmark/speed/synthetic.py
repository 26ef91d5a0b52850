"""Synthetic inputs of the models that are measured."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from datamodules.common.seeding import seed_for
from datamodules.loaders.batch import Batch
from lightning_modules.inputs import InputSpec

N_TAGS = 50


def synthetic_audio(windows: int, samples: int) -> Tensor:
    """Return the same float32 audio (windows, samples) in each call: decaying tones in noise."""
    generator = torch.Generator().manual_seed(seed_for("speed", "audio"))
    at = torch.arange(windows)[:, None]
    seconds = torch.arange(samples) / 16000
    tones = torch.sin(2 * math.pi * 110 * 2 ** (at % 5) * seconds) * (-4 * (seconds % 0.5)).exp()
    noise = torch.randn(windows, samples, generator=generator)
    return (0.3 * tones + 0.02 * noise) * 0.5 ** (at % 4)


def synthetic_inputs(windows: int, spec: InputSpec) -> Tensor:
    """Return the same float32 windows (windows, ...) in each call.

    Args:
        windows: Their number.
        spec: What the model sees of a track: `synthetic_audio`, or normally distributed rows in
            place of those of a view.
    """
    if spec.view is None:
        return synthetic_audio(windows, spec.window)
    generator = torch.Generator().manual_seed(seed_for("speed", "rows"))
    return torch.randn(windows, *spec.shape, generator=generator)


def synthetic_batch(inputs: Tensor, spec: InputSpec) -> Batch:
    """Return a labelled batch of windows (windows, ...), each of a track of its own.

    Two tracks form a bag, for the models of bags.

    Args:
        inputs: Windows, on the device of the batch.
        spec: What the model sees of a track.
    """
    each = torch.arange(len(inputs), device=inputs.device)
    batch = Batch(
        targets=(inputs.flatten(1)[:, :N_TAGS] > 0).float(),
        track_ids=[str(number) for number in range(len(inputs))],
        track_index=each,
        bag=each // 2,
    )
    batch["audio" if spec.view is None else "features"] = inputs
    return batch
