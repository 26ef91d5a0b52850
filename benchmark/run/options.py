"""Options of a run. They do not affect the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.datasets import ResolvedDataset
from benchmark.plan.estimate import Estimate
from benchmark.predict.audio_cache import CacheConfig
from benchmark.store.plans import Plan
from benchmark.store.run_record import RunRecord

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus


@dataclass(frozen=True)
class Options:
    """Options of a run.

    Attributes:
        results: Results folder.
        data_root: Folder of prepared corpora.
        dataset_params: Parameters for the datasets from the command line.
        devices: ``"cpu"`` or ``"cuda:<index>"``; empty takes every device of the executor.
        devices_per_cell: Number of devices that train one model together.
        workers: Processes of each job that decode and perturb audio; None uses one per core.
        wandb: Mode of W&B.
        trackers: Trackers beside W&B, by name.
        executor: Name of the executor that runs the jobs.
        audio: Whether the report has an audio clip of each condition; None: only if the licence
            allows redistribution.
        audio_cache: Cache of shifted and stretched audio; None disables it.
    """

    results: Path
    data_root: Path
    dataset_params: Mapping[str, Any] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    devices_per_cell: int = 1
    workers: int | None = None
    wandb: str = "auto"
    trackers: tuple[str, ...] = ()
    executor: str = "local"
    audio: bool | None = None
    audio_cache: CacheConfig | None = None


@dataclass(frozen=True)
class Planned:
    """One dataset of the matrix, ready to run.

    Attributes:
        dataset: The dataset.
        corpus: Its prepared corpus.
        plan: Its cells.
        record: Its run record.
        estimate: Estimated time of its cells.
    """

    dataset: ResolvedDataset
    corpus: Corpus
    plan: Plan
    record: RunRecord
    estimate: Estimate
