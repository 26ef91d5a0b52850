"""A tagger with two layers to embed with, and files for it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Unpack

import numpy as np
import soundfile as sf
import torch
from torch import Tensor, nn

from benchmark.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from benchmark.config.card import Source
from benchmark.config.identity import Architecture
from benchmark.embed.identity import table_identity
from benchmark.embed.run import Request, Summary, embed_tracks
from benchmark.embed.sources import TrackSource
from datamodules.common.progress import Progress, Silent
from datamodules.loaders.windowing import Windowing
from lightning_modules.base import BaseOptions, TaggingModule

RATE, WINDOW = 8000, 4000
TAGS = ("up", "flat", "down")
LAYERS = ("levels", "penultimate")


class Layered(TaggingModule):
    """Levels of blocks of 500 samples, averaged over time, and one hidden layer on their moments.

    Layers: ``levels`` (1 value) and ``penultimate`` (6 values).
    """

    identity: ClassVar[str] = "Layered"
    sample_rate = RATE
    input_samples = WINDOW
    min_samples = 500
    title: ClassVar[str] = "Layered"
    paper: ClassVar[str] = "None"
    bibtex: ClassVar[str] = ""

    def __init__(self, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.hidden = nn.Linear(2, 6)
        self.output = nn.Linear(6, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        blocks = audio.unfold(1, 500, 500).square().mean(2)
        moments = torch.stack([blocks.mean(1), audio.mean(1)], dim=1)
        return self.output(self.hidden(moments).relu())

    @property
    def layer_names(self) -> tuple[str, ...]:
        return LAYERS

    def embed_layers(self, audio: Tensor) -> dict[str, Tensor]:
        levels = audio.unfold(1, 500, 500).square().mean(2).mean(1, keepdim=True)
        return {"levels": levels, "penultimate": self.embed(audio)}


def checkpoint(folder: Path, seed: int = 0) -> Path:
    """Write a checkpoint of untrained weights, and return its folder."""
    save_checkpoint(
        folder,
        Layered.build(seed, n_tags=len(TAGS)),
        model="layered",
        title="Layered",
        dataset="mine",
        architecture=Architecture(
            identity="Layered", revision=1, params={}, sample_rate=RATE, window=WINDOW
        ),
        tags=TAGS,
        windows="tiled",
        source=Source(file="none", sha256="0" * 64),
    )
    return folder


def noise_file(path: Path, seconds: float, seed: int) -> np.ndarray:
    """Write noise as a WAV file at `RATE`, and return its samples."""
    rng = np.random.RandomState(seed)
    audio = (0.2 * rng.standard_normal(round(RATE * seconds))).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, audio, RATE, subtype="FLOAT")
    return audio


def embed(
    place: Path,
    source: TrackSource,
    out: Path,
    layers: tuple[str, ...] = LAYERS,
    *,
    per_window: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Embed tracks with the checkpoint ``place / "model"``."""
    module, card = load_checkpoint(place / "model", "cpu")
    identity = table_identity(card, layers, "tiled", source.identity, per_window=per_window)
    request = Request(module, Windowing(), layers, per_window, identity)
    return embed_tracks(source, request, out, progress or Silent())
