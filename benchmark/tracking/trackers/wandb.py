"""Weights & Biases, which ``--wandb`` turns on and off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.plan.jobs import Runtime
from benchmark.store.results import DatasetResults
from benchmark.tracking import wandb
from benchmark.tracking.run import Run
from benchmark.tracking.trackers.base import Tracker

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


class WandbTracker(Tracker):
    """Runs of W&B, online or in files below ``results/wandb``."""

    name = "wandb"
    title = "W&B"
    off = "--wandb disabled turns W&B off."

    def enabled(self, runtime: Runtime) -> bool:
        """Return whether the mode is offline or online."""
        return runtime.wandb != "disabled"

    def check(self) -> None:
        """Do nothing: W&B is always installed."""

    @contextmanager
    def training_logger(
        self, cell: str, document: Mapping[str, Any], results: DatasetResults, runtime: Runtime
    ) -> Iterator[Logger]:
        """Yield the logger of the run with the id of the cell."""
        with wandb.training_logger(cell, document, results.record.id, runtime) as logger:
            yield logger

    def write_run(self, run: Run, results: DatasetResults, runtime: Runtime) -> None:
        """Create the run, write its content and finish it."""
        wandb.write_run(run, results.record.id, runtime)

    def logged(self, results: DatasetResults) -> Path:
        """Return ``wandb/logged`` of the results folder."""
        return results.store.results / "wandb" / "logged"


TRACKER = WandbTracker()
