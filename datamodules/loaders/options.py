"""Keyword arguments of every data module that decide how its corpus is read."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from datamodules.loaders.windowing import Windowing


class Loading(TypedDict, total=False):
    """Keyword arguments that decide how a dataset is read. They do not change the corpus."""

    root: str | Path
    window: int
    model_rate: int | None
    batch_size: int
    seed: int
    workers: int
    windowing: Windowing
    valid_windows: int | None
    rank: int
    world: int
