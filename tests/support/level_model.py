"""A tagger whose outputs can be computed by hand, and audio for it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Unpack

import numpy as np
import soundfile as sf
import torch
from torch import Tensor, nn

from benchmark.checkpoints.checkpoint import save_checkpoint
from benchmark.config.card import CheckpointCard, Source
from benchmark.config.identity import Architecture
from lightning_modules.base import BaseOptions, TaggingModule

RATE, WINDOW = 8000, 4000


class Level(TaggingModule):
    """Logit of tag c: gain[c] times the mean of the window."""

    identity: ClassVar[str] = "Level"
    sample_rate = RATE
    input_samples = WINDOW
    title: ClassVar[str] = "Level"
    paper: ClassVar[str] = "None"
    bibtex: ClassVar[str] = ""

    def __init__(self, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.gain = nn.Parameter(torch.linspace(1.0, -2.0, self.n_tags))

    def forward(self, audio: Tensor) -> Tensor:
        return audio.mean(1, keepdim=True) * self.gain


def checkpoint(folder: Path, tags: tuple[str, ...] = ("up", "flat", "down")) -> CheckpointCard:
    return save_checkpoint(
        folder,
        Level.build(0, n_tags=len(tags)),
        model="level",
        title="Level",
        dataset="mine",
        architecture=Architecture(
            identity="Level",
            revision=1,
            params={},
            sample_rate=RATE,
            window=WINDOW,
        ),
        tags=tags,
        windows="tiled",
        source=Source(file="none", sha256="0" * 64),
    )


def steps(path: Path, levels: list[float], seconds: float = 0.5) -> np.ndarray:
    """Write a WAV file of constant levels, each ``seconds`` long."""
    audio = np.repeat(np.float32(levels), int(RATE * seconds))
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, audio, RATE, subtype="FLOAT")
    return audio


def sigmoid(x: object) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(x, dtype=np.float64)))
