"""How a benchmark runs; none of it changes a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.plan.cost import Cost
from benchmark.predict.audio_cache import CacheConfig
from benchmark.store.cells import Plan
from benchmark.store.run_record import RunRecord


@dataclass(frozen=True)
class Options:
    """How a sweep runs; none of it changes a number.

    Attributes:
        results: Results folder.
        data_root: Folder of prepared corpora.
        dataset_params: Parameters for the datasets from the command line.
        devices: ``"cpu"`` or ``"cuda:<index>"``; empty takes what there is.
        workers: Processes that decode and perturb beside a job; None takes one a core.
        wandb: Mode.
        executor: Where jobs run: ``"local"`` or ``"ray"``.
        audio: Whether the report plays a clip a condition; None: where the licence lets it be
            passed on.
        audio_cache: Where shifted and stretched audio is kept; None keeps none.
    """

    results: Path
    data_root: Path
    dataset_params: Mapping[str, Any] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    workers: int | None = None
    wandb: str = "auto"
    executor: str = "local"
    audio: bool | None = None
    audio_cache: CacheConfig | None = None


@dataclass(frozen=True)
class Planned:
    """One dataset of the sweep, ready to run."""

    plan: Plan
    record: RunRecord
    costs: Mapping[str, Cost]
    weights: Mapping[str, float]
