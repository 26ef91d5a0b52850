"""Speed of a sweep, compared with its parts: perturbing once, and each model's forward passes.

The parts run one after the other, each on all cores. The sweep is that of ``tagbench run``, from
its first process to its last cell; its time beyond the sum of the parts is overhead. The models
are not trained, because the weights do not affect the time.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from rich.console import Console

from benchmark import determinism
from benchmark.checkpoints.cell_copy import copy_checkpoint
from benchmark.checkpoints.checkpoint import save_checkpoint
from benchmark.config.card import Source
from benchmark.config.models import ResolvedModel
from benchmark.config.schema import BenchmarkFile
from benchmark.malloc import keep_freed_memory
from benchmark.perturbations import Condition
from benchmark.plan.jobs import Runtime
from benchmark.plan.matrix import Experiment, check
from benchmark.plan.models import imported_model
from benchmark.predict.evaluate import load_model
from benchmark.run import preparation
from benchmark.run.executors import local
from benchmark.run.options import Options, Planned
from benchmark.run.pending import run_pending
from benchmark.speed import tables
from benchmark.speed.evaluation_parts import time_forward, time_perturbing
from benchmark.store.cell_kinds import ImportCell
from benchmark.store.store import Store
from datamodules.common.cpus import usable_cpus
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.loaders.windowing import Windowing

PERTURBING, COPYING, FORWARD = "perturbing once", "copying to the device", "forward passes"
_ORIGIN = "untrained model of a speed measurement"


@dataclass(frozen=True)
class EvaluationRow:
    """One row of the table.

    Attributes:
        what: A part, a sum of parts, or the sweep.
        seconds: Wall time in seconds.
        to_perturbing: That time divided by the time of perturbing once.
        to_sum: That time divided by the sum of the parts.
        to_per_model: That time divided by the sum if each model perturbed anew.
    """

    what: str
    seconds: float
    to_perturbing: float
    to_sum: float
    to_per_model: float


@dataclass(frozen=True)
class Matrix:
    """The sweep to measure.

    Attributes:
        models: Names of model files.
        dataset: Name of a dataset file.
        perturbations: Selection of perturbations, as for ``tagbench run``.
        preset: Preset that states how tracks are cut; its recipe has no effect.
        cores: Threads of the models and number of perturbing processes; 0 uses all cores.
        data_root: Folder of prepared corpora.
        dataset_params: Parameters of the dataset, see `benchmark.run.options.Options`.
        device: Device that runs the models: ``"cpu"`` or ``"cuda:<index>"``.
    """

    models: tuple[str, ...]
    dataset: str = "synth"
    perturbations: str = "core"
    preset: str = "quick"
    cores: int = 0
    data_root: Path = Path("data")
    dataset_params: Mapping[str, Any] | None = None
    device: str = "cpu"


def measure(matrix: Matrix, announce: Callable[[str], None]) -> tuple[list[EvaluationRow], str]:
    """Time the parts, then the sweep.

    Args:
        matrix: The sweep.
        announce: Receives a line of progress.

    Returns:
        The rows, and one line that describes the measurement.

    Raises:
        TagbenchError: A cell of the sweep failed.
    """
    parts = {}
    with prepared(matrix) as measurement:
        for name, seconds in measurement.parts():
            parts[name] = seconds
            announce(f"{name}: {seconds:.1f} s")
        whole = measurement.whole()
    once, total = parts[PERTURBING], sum(parts.values())
    # Time of a benchmark that perturbs the tracks anew for each model.
    each = total + (len(matrix.models) - 1) * once
    times = {**parts, "sum of the parts": total, "sum, perturbing per model": each, "sweep": whole}
    rows = [
        EvaluationRow(what, seconds, seconds / once, seconds / total, seconds / each)
        for what, seconds in times.items()
    ]
    return rows, measurement.about


@contextmanager
def prepared(matrix: Matrix) -> Iterator[Measurement]:
    """Prepare the corpus, build the models and plan the sweep, in a temporary folder.

    Args:
        matrix: The sweep to measure.
    """
    cores = matrix.cores or usable_cpus()
    determinism.configure(matrix.device, threads=cores)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        options = Options(
            root / "results", matrix.data_root, matrix.dataset_params or {}, (matrix.device,), cores
        )
        models = [ResolvedModel.named(name) for name in matrix.models]
        quiet = Console(file=io.StringIO())
        # The corpus comes first, because its tags give the number of outputs of the models.
        bare = _check(matrix, ["tag_prior"], [])
        dataset = preparation.resolve_dataset(bare, Path(matrix.dataset).stem, options)
        corpus = preparation.prepare(dataset, options, quiet)
        folders = [_build(model, corpus, root / "models") for model in models]
        experiment = _check(matrix, [], [str(folder) for folder in folders])
        imported = [imported_model(folder.name, folder) for folder in folders]
        store = Store(options.results)
        planned = preparation.plan_dataset(
            experiment, dataset, corpus, [], imported, store, (matrix.device,), cores, quiet
        )
        for cell in planned.plan.training:  # the parts load the models before the sweep runs
            if isinstance(cell, ImportCell):
                store.register(cell)
                copy_checkpoint(cell, store)
        yield Measurement(
            matrix,
            cores,
            options,
            corpus,
            experiment.conditions[dataset.name],
            experiment.presets[dataset.name][1].windows.build(),
            store,
            planned,
        )


@dataclass(frozen=True)
class Measurement:
    """A planned sweep with its corpus and models, as `prepared` yields it."""

    matrix: Matrix
    cores: int
    options: Options
    corpus: Corpus
    conditions: Sequence[Condition]
    windowing: Windowing
    store: Store
    planned: Planned

    @property
    def about(self) -> str:
        """One line that describes the measurement."""
        matrix, tracks = self.matrix, len(self.corpus.split("test"))
        return (
            f"{len(matrix.models)} models, {tracks} test clips of {matrix.dataset}, "
            f"{len(self.conditions)} conditions (clean and {matrix.perturbations}), windows of "
            f"preset {matrix.preset}, {self.cores} cores, torch {torch.__version__}"
        )

    def parts(self) -> Iterator[tuple[str, float]]:
        """Yield name and seconds of each part; on a GPU, copying is a part."""
        yield PERTURBING, time_perturbing(self.corpus, self.conditions, self.cores)
        device = torch.device(self.matrix.device)
        for cell in self.planned.plan.training:
            model = load_model(cell.id, self.store, self.corpus.tags, device)
            copying, forward = time_forward(model, self.corpus, self.conditions, self.windowing)
            if device.type != "cpu":
                yield f"{COPYING}, {cell.labels.model}", copying
            yield f"{FORWARD}, {cell.labels.model}", forward

    def whole(self) -> float:
        """Return the seconds of evaluating all cells as ``tagbench run`` does."""
        quiet = Console(file=io.StringIO())
        return _sweep(self.planned, self.store, self.options, self.matrix.device, self.cores, quiet)


def write(rows: Sequence[EvaluationRow], about: str, out: Path) -> None:
    """Write ``sweep.csv`` and ``sweep.md``.

    Args:
        rows: Rows of `measure`.
        about: Description of the measurement.
        out: Folder of the files.
    """
    frame = pd.DataFrame(rows)
    tables.write_files(out / "sweep.csv", frame, f"{about}\n\n{tables.plain(frame)}")


def _check(matrix: Matrix, models: list[str], checkpoints: list[str]) -> Experiment:
    return check(
        BenchmarkFile(
            datasets=[matrix.dataset],
            models=models,
            checkpoints=checkpoints,
            perturbations=matrix.perturbations.split(","),
            preset=matrix.preset,
        )
    )


def _build(model: ResolvedModel, corpus: Corpus, root: Path) -> Path:
    module = model.build(len(corpus.tags))
    folder = root / model.name
    source = Source(file=_ORIGIN, sha256="0" * 64)
    save_checkpoint(
        folder, module.eval(), model=model.name, title=model.name, dataset=corpus.name,
        architecture=model.architecture, tags=corpus.tags, windows="tiled", source=source,
    )  # fmt: skip
    return folder


def _sweep(
    planned: Planned, store: Store, options: Options, device: str, cores: int, console: Console
) -> float:
    """Evaluate all cells, and return the seconds.

    Raises:
        TagbenchError: A cell failed.
    """
    runtime = Runtime(str(store.results), str(options.data_root), threads=cores, workers=cores)
    with store.lock():
        local.start_server()
        start = time.perf_counter()
        run_pending([planned], store, runtime, (device,), local, console)
        seconds = time.perf_counter() - start
    failed = [c.id for c in planned.plan.evaluations if store.state(c.id) != "done"]
    if failed:
        failure = store.failure(failed[0]) or {}
        raise TagbenchError(
            f"{len(failed)} cells of the sweep failed, the first with "
            f"{failure.get('error')}: {failure.get('message')}"
        )
    return seconds
