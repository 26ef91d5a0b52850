"""A planned experiment on a small folder of music, whose jobs run in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.console import Console

from benchmark.config.datasets import ResolvedDataset
from benchmark.config.schema import BenchmarkFile
from benchmark.plan import build as plan
from benchmark.plan import matrix
from benchmark.plan.jobs import Job, Runtime
from benchmark.run import preparation
from benchmark.run.options import Options
from benchmark.run.worker import run
from benchmark.store.cells import Cell
from benchmark.store.plans import Plan
from benchmark.store.store import Store
from datamodules.corpus.corpus import Corpus
from tests.support import music

C = TypeVar("C", bound=Cell)

PRESET = """
recipe: {name: tiny, epochs: 3, batch_size: 5, lr: 1e-3, schedule: one_cycle, valid_windows: 1}
windows: {protocol: tiled}
perturbations: [time_faster, white_noise]
severities: [3]
n_boot: 100
"""


class SmallExperiment:
    """A prepared corpus and a plan of two models under three conditions.

    Args:
        root: Folder of music, preset and corpus. Processes may share it; each must construct its
            experiment while it holds a lock.
        results_root: Parent of results folders, which this process alone changes.
    """

    def __init__(self, root: Path, results_root: Path) -> None:
        self.root = root
        self.results_root = results_root
        self.preset = root / "tiny.yaml"
        if not self.preset.exists():
            self.preset.write_text(PRESET, encoding="utf-8")
        self.data = root / "music"
        if not self.data.exists():
            music.folder(self.data)
        self.options = Options(
            results_root / "results", root / "data", {"data": str(self.data)}, workers=0
        )
        self.experiment = self.check(["tag_prior", "musicnn"])
        self.dataset: ResolvedDataset = preparation.resolve_dataset(
            self.experiment, "folder", self.options
        )
        self.corpus: Corpus = preparation.prepare(self.dataset, self.options, Console(quiet=True))

    def check(
        self,
        models: list[str],
        checkpoints: list[str] | None = None,
        preset: Path | None = None,
    ) -> matrix.Experiment:
        """Check an experiment on the same data, with other models or another preset."""
        return matrix.check(
            BenchmarkFile(
                datasets=["folder"],
                models=models,
                checkpoints=checkpoints or [],
                preset=str(preset or self.preset),
            )
        )

    def plan(self) -> Plan:
        """Plan the cells of the experiment."""
        models = preparation.resolve_models(self.experiment)
        return plan.build(self.experiment, self.dataset, self.corpus, models)

    def runtime(self, results: str, **changes: Any) -> Runtime:
        """Return how the jobs of a results folder run: one thread, and what ``changes`` says."""
        runtime = Runtime(str(self.results_root / results), str(self.root / "data"), threads=1)
        return replace(runtime, **changes)

    def store(self, results: str) -> Store:
        """Open a results folder and register all cells of the plan in it."""
        store = Store(self.results_root / results)
        cells = self.plan()
        for cell in (*cells.training, *cells.evaluations):
            store.register(cell)
        return store


def run_job(job: Job, runtime: Runtime) -> list[Mapping[str, Any]]:
    """Run a job and return the events that it reports."""
    events: list[Mapping[str, Any]] = []
    run(job, runtime, events.append)
    return events


def cell_ids(cells: Sequence[Cell]) -> set[str]:
    """Return the ids of cells."""
    return {cell.id for cell in cells}


def select(cells: Sequence[C], **labels: Any) -> tuple[C, ...]:
    """Return the cells with these labels."""
    return tuple(c for c in cells if labels.items() <= c.label_values().items())


def checkpoint_weights(
    store: Store, cell: Cell, name: str = "best.ckpt"
) -> dict[str, torch.Tensor]:
    """Return the state dict in a checkpoint of a training cell."""
    content = torch.load(store.folder(cell.id) / name, map_location="cpu", weights_only=True)
    return content["state_dict"]
