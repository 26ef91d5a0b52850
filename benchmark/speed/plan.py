"""Time planning: cells, their states and the files that a run writes before it starts."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchmark.config.datasets import ResolvedDataset
from benchmark.config.identity import Architecture
from benchmark.config.models import ResolvedModel
from benchmark.config.schema import BenchmarkFile
from benchmark.plan.build import build
from benchmark.plan.matrix import check
from benchmark.store import run_record
from benchmark.store.store import Store

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus

N_SEEDS = 20


class _Corpus:
    """The attributes of a prepared corpus that planning reads."""

    manifest_digest = split_digest = tags_digest = "0" * 64
    task = "multilabel"
    sample_rate = 16000
    tags = tuple(f"tag {index}" for index in range(50))


def measure(n_cells: int) -> Mapping[str, Any]:
    """Plan a matrix of at least ``n_cells`` cells in this process, without importing torch.

    Returns:
        Counts, seconds of each step, and the peak memory of the process in MB.
    """
    names = ["fcn"]
    # The recipe of preset won2020 needs no bfloat16, so that torch is not asked whether it has any.
    experiment = check(
        BenchmarkFile(
            datasets=["synth"], models=names, seeds=list(range(N_SEEDS)), preset="won2020",
            perturbations=["all"],
        )
    )  # fmt: skip
    conditions = len(experiment.conditions["synth"])
    n_models = -(-n_cells // (N_SEEDS * (conditions + 1)))
    models = [_model(index) for index in range(n_models)]
    dataset = ResolvedDataset("synth", "datamodules.Synth", cast(Any, None), {"tracks": 100})
    times = {}
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(Path(scratch))
        start = time.perf_counter()
        plan = build(experiment, dataset, cast("Corpus", _Corpus()), models)
        times["build s"] = time.perf_counter() - start
        store.states(cell.id for cell in plan.cells)
        times["and states s"] = time.perf_counter() - start
        times["peak MB of a dry run"] = _peak_mb()
        store.register_plan(plan)
        run_record.record(plan, {}, {}, store)
        times["and registered s"] = time.perf_counter() - start
    times["peak MB"] = _peak_mb()
    return {"cells": len(plan.cells), "models": n_models, "conditions": conditions, **times}


def _model(index: int) -> ResolvedModel:
    architecture = Architecture(
        identity=f"Model{index}",
        revision=1,
        params={"n_mels": 96, "frontend": "log_mel"},
        sample_rate=16000,
        window=464000,
    )
    return ResolvedModel(f"model_{index}", "models.Model", cast(Any, None), architecture)


def _peak_mb() -> float:
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib / (2**20 if sys.platform == "darwin" else 1024)
