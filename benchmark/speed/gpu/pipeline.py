"""Sections that run the whole pipeline: a training by the runner, and a sweep of several models."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmark.config.schema import BenchmarkFile
from benchmark.plan import matrix
from benchmark.plan.jobs import Runtime
from benchmark.run import preparation
from benchmark.run.executors import local
from benchmark.run.options import Options
from benchmark.run.pending import run_pending
from benchmark.speed.evaluation import COPYING, FORWARD, PERTURBING, Matrix, prepared
from benchmark.speed.gpu.child import Row, Setup
from benchmark.store.cells import BEST
from benchmark.store.store import Store
from datamodules.common.cpus import usable_cpus
from datamodules.common.errors import TagbenchError

_SWEPT = ("fcn", "musicnn", "crnn", "sample_cnn")
_CONDITIONS = "pitch_up:3,time_slower:4,white_noise:3,compression:3"


def training(item: str, setup: Setup) -> Iterator[Row]:
    """Yield whether two trainings by the runner give checkpoints of the same bits.

    Args:
        item: Name of a model file.
        setup: Settings of the measurement.
    """
    states, seconds = [], []
    for turn in ("first", "second"):
        start = time.perf_counter()
        states.append(_trained(item, setup, Path(setup.data_root) / f"{item}-{turn}"))
        seconds.append(time.perf_counter() - start)
    first, second = states
    unequal = [key for key in first if not torch.equal(first[key], second[key])]
    apart = [float((first[key].double() - second[key].double()).abs().max()) for key in unequal]
    yield {
        "model": item,
        "equal bits": not unequal,
        "unequal tensors": f"{len(unequal)} of {len(first)}",
        "largest difference": max(apart, default=0.0),
        "seconds, first": seconds[0],
        "seconds, second": seconds[1],
    }


def _trained(model: str, setup: Setup, results: Path) -> dict[str, Any]:
    """Train on the embedded corpus for the one epoch of preset smoke; return the best weights."""
    cores, quiet = usable_cpus(), Console(file=io.StringIO())
    options = Options(
        results, Path(setup.data_root), {"tracks": _tracks(setup)}, (setup.device,), cores
    )
    experiment = matrix.check(
        BenchmarkFile(datasets=["synth"], models=[model], preset="smoke", perturbations=["gain:3"])
    )
    dataset = preparation.resolve_dataset(experiment, "synth", options)
    corpus = preparation.prepare(dataset, options, quiet)
    store = Store(results)
    planned = preparation.plan_dataset(
        experiment, dataset, corpus, preparation.resolve_models(experiment), [], store,
        (setup.device,), cores, quiet,
    )  # fmt: skip
    runtime = Runtime(str(results), setup.data_root, threads=cores, workers=min(4, cores))
    with store.lock():
        local.start_server()
        run_pending([planned], store, runtime, (setup.device,), local, quiet)
    cells = [*planned.plan.training, *planned.plan.evaluations]
    for cell in cells:
        if store.state(cell.id) != "done":
            failure = store.failure(cell.id) or {}
            raise TagbenchError(f"{failure.get('error')}: {failure.get('message')}")
    saved = torch.load(store.folder(cells[0].id) / BEST, map_location="cpu", weights_only=True)
    state: dict[str, Any] = saved["state_dict"]
    return state


def sweep(item: str, setup: Setup) -> Iterator[Row]:
    """Yield the time of each part of a sweep, of the sweep, and which part bounds it.

    The worker processes perturb while the models run, so that a sweep cannot take less than the
    slower of the two: perturbing, or copying and forward passes.

    Args:
        item: Name of the row group; this section has one.
        setup: Settings of the measurement.
    """
    local.start_server()  # as `tagbench run` does, so that its imports are over when it is needed
    matrix = Matrix(
        _SWEPT[1:2] if setup.small else _SWEPT,
        perturbations="white_noise:3" if setup.small else _CONDITIONS,
        preset="quick" if setup.small else "standard",
        data_root=Path(setup.data_root),
        dataset_params={"tracks": _tracks(setup)},
        device=setup.device,
    )
    with prepared(matrix) as measurement:
        tracks = len(measurement.corpus.split("test")) * len(measurement.conditions)
        yield {"part": measurement.about}
        parts: dict[str, float] = {}
        for name, seconds in measurement.parts():
            parts[name] = seconds
            yield {"part": name, "seconds": seconds, "tracks/s": tracks / seconds}
        whole = measurement.whole()
    yield {"part": "sweep", "seconds": whole, "tracks/s": tracks / whole}
    sums = {
        kind: sum(seconds for name, seconds in parts.items() if name.startswith(kind))
        for kind in (PERTURBING, COPYING, FORWARD)
    }
    slowest = max(sums, key=lambda kind: sums[kind])
    bound = max(sums[PERTURBING], sums[COPYING] + sums[FORWARD])
    yield {"part": f"bottleneck: {slowest}", "seconds": sums[slowest]}
    yield {"part": "bound, the slower of perturbing and of copying and forward", "seconds": bound}


def _tracks(setup: Setup) -> int:
    return 30 if setup.small else 120
