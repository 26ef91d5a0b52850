"""Speed of a whole sweep beside its parts: perturbing once, and each model's forward passes.

The parts run one after the other, each on all cores; the sweep is the one of ``tagbench run``, from
its first process to its last cell. What it takes beyond their sum is what it wastes. The models are
freshly built: their weights say nothing, and cost what trained ones do.
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

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.console import Console

from benchmark import determinism
from benchmark.checkpoints.checkpoint import Source, save_checkpoint
from benchmark.config.files import find, load
from benchmark.config.models import ResolvedModel
from benchmark.config.schema import BenchmarkFile, ModelFile
from benchmark.malloc import keep_freed_memory
from benchmark.perturbations import CLEAN, Condition, warm_up
from benchmark.perturbations.catalogue import catalogue_entry
from benchmark.plan.jobs import Runtime
from benchmark.plan.matrix import Experiment, check
from benchmark.plan.models import ImportedModel
from benchmark.predict.audio_stream import StreamConfig, TrackRequest, open_audio_stream
from benchmark.predict.evaluate import load_model
from benchmark.predict.inference import ModelRunner, batch_size
from benchmark.run import preparation
from benchmark.run.executors import local
from benchmark.run.options import Options, Planned
from benchmark.run.pending import run_pending
from benchmark.speed import tables
from benchmark.store.store import Store
from datamodules.common.cpus import usable_cpus
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.loaders.windowing import Windowing, cut, window_starts

PERTURBING, COPYING, FORWARD = "perturbing once", "copying to the device", "forward passes"
_ORIGIN = "built for a measurement of speed"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: A part, a sum of them, or the sweep.
        seconds: Wall time.
        to_perturbing: By the time of perturbing once.
        to_sum: By the sum of the parts.
        to_per_model: By that sum with perturbing once for each model.
    """

    what: str
    seconds: float
    to_perturbing: float
    to_sum: float
    to_per_model: float


@dataclass(frozen=True)
class Matrix:
    """What is measured.

    Attributes:
        models: Names of model files.
        dataset: Name of a dataset file.
        perturbations: As for ``tagbench run``.
        preset: Of windows; its recipe does not matter.
        cores: Threads of the models, and processes that perturb.
        data_root: Folder of prepared corpora.
        dataset_params: As of `Options`.
        device: Where the models run: ``"cpu"`` or ``"cuda:<index>"``.
    """

    models: tuple[str, ...]
    dataset: str = "synth"
    perturbations: str = "core"
    preset: str = "quick"
    cores: int = 0
    data_root: Path = Path("data")
    dataset_params: Mapping[str, Any] | None = None
    device: str = "cpu"


def measure(matrix: Matrix, say: Callable[[str], None]) -> tuple[list[Row], str]:
    """Time the parts, then the sweep.

    Args:
        matrix: What.
        say: Takes a line for people.

    Returns:
        Rows, and a line on what was measured.

    Raises:
        TagbenchError: A cell of the sweep failed.
    """
    parts = {}
    with prepared(matrix) as measurement:
        for name, seconds in measurement.parts():
            parts[name] = seconds
            say(f"{name}: {seconds:.1f} s")
        whole = measurement.whole()
    once, total = parts[PERTURBING], sum(parts.values())
    # What a benchmark costs that perturbs anew for each model.
    each = total + (len(matrix.models) - 1) * once
    times = {**parts, "sum of the parts": total, "sum, perturbing per model": each, "sweep": whole}
    rows = [
        Row(what, seconds, seconds / once, seconds / total, seconds / each)
        for what, seconds in times.items()
    ]
    return rows, measurement.about


@contextmanager
def prepared(matrix: Matrix) -> Iterator[Measurement]:
    """Prepare the corpus, build the models and plan the sweep, in a folder that is removed.

    Args:
        matrix: What is measured.
    """
    cores = matrix.cores or usable_cpus()
    determinism.configure(matrix.device, threads=cores)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        options = Options(
            root / "results", matrix.data_root, matrix.dataset_params or {}, (matrix.device,), cores
        )
        models = [ResolvedModel.of(Path(m).stem, load(find("models", m), ModelFile))
                  for m in matrix.models]  # fmt: skip
        quiet = Console(file=io.StringIO())
        # The corpus first: the number of outputs comes from it.
        bare = _check(matrix, ["tag_prior"], [])
        dataset = preparation.resolve_dataset(bare, Path(matrix.dataset).stem, options)
        corpus = preparation.prepare(dataset, options, quiet)
        folders = [_build(model, corpus, root / "models") for model in models]
        experiment = _check(matrix, [], [str(folder) for folder in folders])
        imported = [ImportedModel.of(folder.name, folder) for folder in folders]
        store = Store(options.results)
        planned = preparation.plan_dataset(
            experiment, dataset, corpus, [], imported, store, (matrix.device,), cores, quiet
        )
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
    """A sweep that is ready to run; see `prepared`."""

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
        """A line on what is measured."""
        matrix, tracks = self.matrix, len(self.corpus.split("test"))
        return (
            f"{len(matrix.models)} models, {tracks} test clips of {matrix.dataset}, "
            f"{len(self.conditions)} conditions (clean and {matrix.perturbations}), windows of "
            f"preset {matrix.preset}, {self.cores} cores, torch {torch.__version__}"
        )

    def parts(self) -> Iterator[tuple[str, float]]:
        """Yield name and seconds of each part; copying is one on a GPU."""
        yield PERTURBING, _perturbing(self.corpus, self.conditions, self.cores)
        device = torch.device(self.matrix.device)
        for cell in self.planned.plan.training:
            model = load_model(cell.id, self.store, self.corpus.tags, device)
            copying, forward = _forward(model, self.corpus, self.conditions, self.windowing)
            if device.type != "cpu":
                yield f"{COPYING}, {cell.labels.model}", copying
            yield f"{FORWARD}, {cell.labels.model}", forward

    def whole(self) -> float:
        """Return the seconds of the sweep, evaluating every cell as ``tagbench run`` does."""
        quiet = Console(file=io.StringIO())
        return _sweep(self.planned, self.store, self.options, self.matrix.device, self.cores, quiet)


def write(rows: Sequence[Row], about: str, out: Path) -> None:
    """Write ``sweep.csv`` and ``sweep.md``.

    Args:
        rows: Of `measure`.
        about: Likewise.
        out: Folder.
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
    module = model.cls.build(seed=0, n_tags=len(corpus.tags), **model.architecture.params)
    folder = root / model.name
    source = Source(file=_ORIGIN, sha256="0" * 64)
    save_checkpoint(
        folder, module.eval(), model=model.name, title=model.name, dataset=corpus.name,
        architecture=model.architecture, tags=corpus.tags, windows="tiled", source=source,
    )  # fmt: skip
    return folder


def _perturbing(corpus: Corpus, conditions: Sequence[Condition], cores: int) -> float:
    """Decode and perturb every track once a condition; nothing is sent, resampled or measured."""
    test = corpus.split("test")
    warm_up(conditions, corpus.sample_rate)
    with open_audio_stream(StreamConfig(corpus.root, (), measured=False), cores) as stream:
        for _ in stream(_tasks(list(test.index[:cores]), test, CLEAN)):  # the processes are up
            pass
        start = time.perf_counter()
        for condition in conditions:
            for _ in stream(_tasks(list(test.index), test, condition)):
                pass
        return time.perf_counter() - start


def _tasks(rows: Sequence[int], test: pd.DataFrame, condition: Condition) -> list[TrackRequest]:
    return [TrackRequest(int(row), str(test["track_id"][row]), condition, 0) for row in rows]


def _forward(
    model: ModelRunner, corpus: Corpus, conditions: Sequence[Condition], windowing: Windowing
) -> tuple[float, float]:
    """Run a model on all windows of the clean tracks, ready in memory, and scale to conditions.

    A stretched track has more windows or fewer; what is in them does not change the time.

    Returns:
        Seconds of making batches and copying them to the device, and of the forward passes.
    """
    test = corpus.split("test")
    scale = model.rate / corpus.sample_rate
    lengths = [round(int(n) * scale) for n in test["samples"]]
    clean = [len(window_starts(n, model.window, windowing)) for n in lengths]
    wanted = sum(
        len(window_starts(round(_length(c, int(n)) * scale), model.window, windowing))
        for c in conditions
        for n in test["samples"]
    )
    pieces: list[Any] = []
    warm = False
    seconds = np.zeros(2)
    size = batch_size(model.window)
    config = StreamConfig(corpus.root, (model.rate,), measured=False)
    with open_audio_stream(config, 0) as stream, torch.inference_mode():
        for track in stream(_tasks(list(test.index), test, CLEAN)):
            audio = track.audio[model.rate]
            starts = window_starts(len(audio), model.window, windowing)
            pieces.extend(cut(audio, starts, model.window))
            if not warm and model.device.type != "cpu":  # kernels are loaded at their first use
                _time(model, [pieces[0]] * size)
                warm = True
            while len(pieces) >= size:
                seconds += _time(model, pieces[:size])
                del pieces[:size]
        if pieces:
            seconds += _time(model, pieces)
    copying, forward = (seconds * wanted / sum(clean)).tolist()
    return copying, forward


def _length(condition: Condition, samples: int) -> int:
    for step in condition.steps:
        samples = catalogue_entry(step.perturbation).output_samples(samples, step.level)
    return samples


def _time(model: ModelRunner, pieces: Sequence[Any]) -> NDArray[np.float64]:
    """Return the seconds (2,) of making and copying a batch, and of the forward pass."""
    start = time.perf_counter()
    batch = torch.from_numpy(np.stack(pieces)).to(model.device)
    _wait(model.device)
    copied = time.perf_counter()
    model.module.probabilities(model.module(batch))
    _wait(model.device)
    return np.array([copied - start, time.perf_counter() - copied])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _sweep(
    planned: Planned, store: Store, options: Options, device: str, cores: int, console: Console
) -> float:
    """Evaluate every cell as ``tagbench run`` does."""
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
