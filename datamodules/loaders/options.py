"""Keyword arguments of every data module that decide how its corpus is read."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from datamodules.loaders.windowing import Windowing
from datamodules.views.base import View


class ReadOptions(TypedDict, total=False):
    """Keyword arguments that decide how a corpus is read. They do not change the corpus."""

    window: int
    model_rate: int | None
    view: View | None
    batch_size: int
    seed: int
    workers: int
    windowing: Windowing
    valid_windows: int | None
    rank: int
    world: int


class Loading(ReadOptions, total=False):
    """Keyword arguments that every data module takes, see `datamodules.base.TaggingDataModule`."""

    root: str | Path
    corpus_rate: int | None
