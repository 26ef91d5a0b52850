"""Parts of a small sweep, each run in this process into a results folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmark.config.schema import BenchmarkFile
from benchmark.plan.jobs import Job, Runtime
from benchmark.plan.matrix import check
from benchmark.report import pipeline
from benchmark.run import preparation
from benchmark.run.options import Options
from benchmark.run.worker import run
from benchmark.store.store import Store
from tests.support import music

PRESET = """
recipe: {name: tiny, epochs: 1, batch_size: 5, lr: 1e-3, schedule: one_cycle, valid_windows: 1}
windows: {protocol: tiled, max_windows: 1}
perturbations: [gain, white_noise]
severities: [3]
n_boot: 100
baseline: musicnn
"""


class SweepParts:
    """Runs parts of one small sweep over a folder of music."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.preset = root / "tiny.yaml"
        self.preset.write_text(PRESET, encoding="utf-8")
        self.music = music.folder(root / "music", seconds=3.0)

    def run(self, name: str, models: Sequence[str], perturbations: Sequence[str]) -> Store:
        """Train and evaluate these models into the results folder ``name``."""
        options = Options(
            self.root / name, self.root / "data", {"data": str(self.music)}, workers=0
        )
        store = Store(options.results)
        quiet = Console(quiet=True)
        experiment = check(
            BenchmarkFile(
                datasets=["folder"],
                models=list(models),
                perturbations=list(perturbations),
                preset=str(self.preset),
            )
        )
        dataset = preparation.resolve_dataset(experiment, "folder", options)
        corpus = preparation.prepare(dataset, options, quiet)
        resolved = preparation.resolve_models(experiment)
        planned = preparation.plan_dataset(
            experiment, dataset, corpus, resolved, [], store, ("cpu",), 1, quiet
        )
        runtime = Runtime(str(store.results), str(self.root / "data"))
        for cell in planned.plan.training:
            run(Job((cell,), "train"), runtime, lambda event: None)
        run(Job(planned.plan.evaluations, "evaluate"), runtime, lambda event: None)
        pipeline.write_results(planned.record, store, quiet, report=False)
        return store
