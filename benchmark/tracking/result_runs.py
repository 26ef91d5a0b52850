"""A finished sweep as W&B runs: the curves, tables and pictures of its folder, from files alone.

One run a model and one for the leaderboard; trained models have their training curves in runs of
their own. Nothing here reads audio or a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.plan.jobs import Runtime
from benchmark.report.labels import family_title, metric_title
from benchmark.score.metrics import primary_metric
from benchmark.store import run_record as sweeps
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from benchmark.store.tables import Tables
from benchmark.tracking.wandb import Chart, Run, is_logged, mark_logged, training_facts, write_run


@dataclass(frozen=True)
class Synced:
    """What became of the runs of a sweep.

    Attributes:
        written: Ids of runs that were written now.
        kept: Ids of runs that had been written before.
        without_curves: Names of training runs whose curves were never stored.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    without_curves: tuple[str, ...]


def log_sweep(
    sweep: RunRecord,
    tables: Tables,
    store: Store,
    runtime: Runtime,
    *,
    training: bool = False,
    again: bool = False,
) -> Synced:
    """Write the runs of a sweep that are not written yet, or whose content has changed.

    Args:
        sweep: What ran.
        tables: Its tables, fresh or read from its folder.
        store: Where it lies; pictures come from the report in it.
        runtime: Mode, project and results folder.
        training: Whether to fill in training runs: those of a sweep under way write themselves.
        again: Write every run, also those that were written before.
    """
    if runtime.wandb == "disabled":
        return Synced((), (), ())
    curves = list(training_runs(sweep, store)) if training else []
    written, kept = [], []
    for run in (*curves, *result_runs(sweep, tables, store)):
        # The id of a training cell is the hash of all that decides it.
        content = run.id if run.facts["job_type"] == "train" else run.digest()
        if not again and is_logged(store.results, run.id, content):
            kept.append(run.id)
            continue
        write_run(run, sweep.id, runtime)
        mark_logged(store.results, run.id, content)
        written.append(run.id)
    return Synced(
        tuple(written),
        tuple(kept),
        tuple(r.facts["name"] for r in curves if r.id in written and r.summary["curves"] == "none"),
    )


def training_runs(sweep: RunRecord, store: Store) -> Iterator[Run]:
    """Yield a run for every trained model, with the curves that its cell has kept."""
    for cell in sweep.of_kind("train"):
        if store.state(cell["id"]) != "done":
            continue
        metrics = store.metrics(cell["id"])
        numbers: dict[str, Any] = {k: v for k, v in metrics.items() if isinstance(v, int | float)}
        history = metrics.get("history")  # a result of an older version has none
        numbers["curves"] = "none" if history is None else f"{len(history)} epochs"
        facts = training_facts(store.read(cell["id"]))
        yield Run(cell["id"], facts, numbers, history=tuple(history or ()))


def result_runs(sweep: RunRecord, tables: Tables, store: Store) -> Iterator[Run]:
    """Yield a run for every model of the leaderboard, and one for the leaderboard itself."""
    cells = [c for c in sweep.of_kind("evaluation") if store.state(c["id"]) == "done"]
    digests = {key: value for key, value in sweep.info.items() if key.endswith("_digest")}
    common = {"dataset": sweep.dataset, "preset": sweep.info["preset"], **digests}
    pictures = _pictures(sweeps.folder(sweep.dataset, store) / "report" / "figures")
    frames = {name.removesuffix(".csv"): frame for name, frame in tables.frames().items()}
    charts = degradation(tables)
    for row in tables.leaderboard.to_dict("records"):
        model = str(row["model"])
        own = [c["id"] for c in cells if c["labels"]["model"] == model]
        yield Run(
            f"{sweep.id}-{model}",
            {
                "name": f"evaluate.{sweep.dataset}.{model}",
                "job_type": "evaluate",
                "tags": [sweep.dataset, model],
                "config": {**common, "model": model, "cells": own},
            },
            {str(k): v for k, v in row.items() if isinstance(v, int | float) and v == v},
            {
                name: frame[frame["model"] == model]
                for name, frame in frames.items()
                if "model" in frame.columns and name not in ("leaderboard", "failures")
            },
            {
                name: Chart(chart.title, chart.axis, {model: chart.lines[model]})
                for name, chart in charts.items()
                if model in chart.lines
            },
            {n: p for n, p in pictures.items() if p.stem.endswith(f"_{model}")},
        )
    yield Run(
        f"{sweep.id}-leaderboard",
        {
            "name": f"leaderboard.{sweep.dataset}",
            "job_type": "leaderboard",
            "tags": [sweep.dataset],
            "config": common,
        },
        {"models": len(tables.leaderboard), "failures": len(tables.failures)},
        frames,
        charts,
        pictures,
    )


def _pictures(folder: Path) -> dict[str, Path]:
    """Return the figures of the report: heat maps, curves, confusions."""
    return {f"figures/{path.stem}": path for path in sorted(folder.glob("*.png"))}


def degradation(tables: Tables) -> dict[str, Chart]:
    """Return a chart for every perturbation: the primary score by severity, a line a model.

    Severity 0 is clean audio. The physical levels are in the table ``robustness`` and on the axes
    of the figures.
    """
    metric = primary_metric(tables.task)
    rows = tables.robustness[tables.robustness["metric"] == metric].dropna(subset=["value"])
    perturbed, clean = rows[rows["severity"] > 0], rows[rows["severity"] == 0]
    charts = {}
    for (protocol, name), own in perturbed.groupby(["protocol", "perturbation"], sort=False):
        lines = {}
        for model, points in own.groupby("model", sort=False):
            # Of two clean evaluations the protocol's own one counts.
            start = clean[clean["model"] == model]
            own_clean = start[start["protocol"] == protocol]
            start = (own_clean if len(own_clean) else start)[:1]
            both = pd.concat([start, points]).sort_values("severity", kind="stable")
            lines[str(model)] = (
                [float(x) for x in both["severity"]],
                [float(y) for y in both["value"]],
            )
        label = str(name) if protocol == "suite" else f"{protocol}_{name}"
        title = f"{metric_title(metric)} under {family_title(label)}"
        charts[f"curves/{label}"] = Chart(title, "severity (0: clean)", lines)
    return charts
