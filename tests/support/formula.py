"""Weights and audio from a formula, on which the reference implementations were run as well."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def hashed(key: str, count: int) -> np.ndarray:
    """Return ``count`` float64 values in (-1, 1) that depend on ``key`` and the index alone."""
    x = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 + zlib.crc32(key.encode())) % 2**32
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    x ^= x >> 16
    return 2 * (x + 0.5) / 2**32 - 1


def signal(samples: int, rate: int = 16000) -> np.ndarray:
    """Return two tones, a chirp and a little noise, float32 (samples,)."""
    t = np.arange(samples) / rate
    tones = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.25 * np.sin(2 * np.pi * 1234.5 * t)
    chirp = 0.1 * np.sin(2 * np.pi * 60 * t**2)
    return (tones + chirp + 0.01 * hashed("noise", samples)).astype(np.float32)


def weight(key: str, value: Tensor, gain: float) -> np.ndarray:
    """Return the value of one tensor of the state dict by its name and shape."""
    if not value.is_floating_point():
        return np.zeros(value.shape)
    r = hashed(key, value.numel()).reshape(value.shape)
    if value.ndim >= 2:
        return gain * np.sqrt(3 * len(value) / value.numel()) * r
    if key.endswith("running_var"):
        return 1 + 0.5 * r**2
    if key.endswith(".weight"):  # the only 1-D weights are those of norms
        return 1 + 0.1 * r
    return 0.1 * r


def fill(
    model: nn.Module,
    gain: float,
    overrides: Mapping[str, float | str],
    named: Callable[[str], str] = str,
) -> None:
    """Give a model the weights of the formula.

    Args:
        model: Model to fill.
        gain: Factor of all tensors of two or more dimensions.
        overrides: Values by name, in place of the formula: a constant, or ``"r"`` for ``hashed``.
        named: Maps a name in the state dict to that of the reference, where they differ.
    """
    state = {
        key: torch.from_numpy(weight(named(key), value, gain)).to(value.dtype)
        for key, value in model.state_dict().items()
    }
    for key, constant in overrides.items():
        if constant == "r":
            state[key] = torch.from_numpy(hashed(key, state[key].numel())).view(state[key].shape)
        else:
            state[key].fill_(float(constant))
    model.load_state_dict(state)


def check_input(audio: np.ndarray, stats: Mapping[str, Any]) -> None:
    """Assert that ``audio`` (T,) is what the reference was run on.

    Args:
        audio: Decoded samples.
        stats: Entry ``input_stats`` of a golden file.
    """
    rms = float(np.sqrt(np.mean(audio.astype(np.float64) ** 2)))
    assert abs(rms - stats["rms"]) <= 1e-6
    np.testing.assert_allclose(audio[1000:1004], stats["x[1000:1004]"], atol=1e-6)
