"""Runs of finished results: one per trained model, one per evaluated model, one leaderboard.

The runs are made from stored curves, tables and figures; no audio and no checkpoint is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.plan.jobs import Runtime
from benchmark.report.labels import family_title, file_part, metric_title
from benchmark.score.metrics import primary_metric
from benchmark.store.results import DatasetResults
from benchmark.store.tables import Tables
from benchmark.tracking.run import Chart, Run
from benchmark.tracking.trackers.base import Tracker
from benchmark.tracking.wandb import LONGEST_TAG, training_facts


@dataclass(frozen=True)
class LoggedRuns:
    """Outcome of :func:`log_results`.

    Attributes:
        written: Ids of runs that were written by the call.
        kept: Ids of runs that had been written before with the same content.
        without_curves: Names of written training runs whose cells hold no training curves.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    without_curves: tuple[str, ...]


def log_results(
    results: DatasetResults,
    tracker: Tracker,
    runtime: Runtime,
    *,
    training: bool = False,
    again: bool = False,
) -> LoggedRuns:
    """Write the runs of a dataset that are new or whose content has changed.

    Args:
        results: Results of the dataset, with tables on disk; figures come from its report.
        tracker: Where the runs are written to.
        runtime: Settings of the tracker, and the results folder.
        training: Whether to write training runs too. During ``tagbench run`` each training cell
            logs its own run.
        again: Whether to write every run, including those that were written before.
    """
    curves = list(training_runs(results)) if training else []
    written, kept = [], []
    for run in (*curves, *result_runs(results)):
        # The id of a training cell is the hash of everything that determines its content.
        content = run.id if run.facts["job_type"] == "train" else run.digest()
        if not again and tracker.is_logged(results, run.id, content):
            kept.append(run.id)
            continue
        tracker.write_run(run, results, runtime)
        tracker.mark_logged(results, run.id, content)
        written.append(run.id)
    return LoggedRuns(
        tuple(written),
        tuple(kept),
        tuple(
            run.facts["name"]
            for run in curves
            if run.id in written and run.summary["curves"] == "none"
        ),
    )


def training_runs(results: DatasetResults) -> Iterator[Run]:
    """Yield the run of each finished training cell, with the curves that the cell stored."""
    store = results.store
    for cell in results.record.of_kind("train"):
        if store.state(cell["id"]) != "done":
            continue
        metrics = store.metrics(cell["id"])
        summary: dict[str, Any] = {k: v for k, v in metrics.items() if isinstance(v, int | float)}
        history = metrics.get("history")  # absent from cells of older versions
        summary["curves"] = "none" if history is None else f"{len(history)} epochs"
        facts = training_facts(store.read(cell["id"]))
        yield Run(cell["id"], facts, summary, history=tuple(history or ()))


def result_runs(results: DatasetResults) -> Iterator[Run]:
    """Yield the run of each model of the leaderboard, then the run of the leaderboard."""
    record, tables = results.record, results.tables
    done = [c for c in record.of_kind("evaluation") if results.store.state(c["id"]) == "done"]
    digests = {key: value for key, value in record.info.items() if key.endswith("_digest")}
    common = {"dataset": record.dataset, "preset": record.info["preset"], **digests}
    pictures = _pictures(results.folder / "report" / "figures")
    frames = {name.removesuffix(".csv"): frame for name, frame in tables.frames().items()}
    charts = degradation(tables)
    for row in tables.leaderboard.to_dict("records"):
        model = str(row["model"])
        own = [c["id"] for c in done if c["labels"]["model"] == model]
        yield Run(
            f"{record.id}-{file_part(model)}",
            {
                "name": f"evaluate.{record.dataset}.{model}",
                "job_type": "evaluate",
                "tags": [record.dataset, model[:LONGEST_TAG]],
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
        f"{record.id}-leaderboard",
        {
            "name": f"leaderboard.{record.dataset}",
            "job_type": "leaderboard",
            "tags": [record.dataset],
            "config": common,
        },
        {"models": len(tables.leaderboard), "failures": len(tables.failures)},
        frames,
        charts,
        pictures,
    )


def _pictures(folder: Path) -> dict[str, Path]:
    """Return the paths of the figures of the report by name."""
    return {f"figures/{path.stem}": path for path in sorted(folder.glob("*.png"))}


def degradation(tables: Tables) -> dict[str, Chart]:
    """Return a chart per perturbation: primary score against severity, with one line per model.

    Severity 0 is clean audio. The physical levels are in the table ``robustness`` and on the axes
    of the figures.
    """
    metric = primary_metric(tables.task)
    rows = tables.robustness[tables.robustness["metric"] == metric].dropna(subset=["value"])
    perturbed, clean = rows[rows["severity"] > 0], rows[rows["severity"] == 0]
    charts = {}
    for (protocol, name), scores in perturbed.groupby(["protocol", "perturbation"], sort=False):
        lines = {}
        for model, points in scores.groupby("model", sort=False):
            # A clean evaluation under the same protocol takes precedence over one of another.
            start = clean[clean["model"] == model]
            same_protocol = start[start["protocol"] == protocol]
            start = (same_protocol if len(same_protocol) else start)[:1]
            line = pd.concat([start, points]).sort_values("severity", kind="stable")
            lines[str(model)] = (
                [float(x) for x in line["severity"]],
                [float(y) for y in line["value"]],
            )
        label = str(name) if protocol == "suite" else f"{protocol}_{name}"
        title = f"{metric_title(metric)} under {family_title(label)}"
        charts[f"curves/{label}"] = Chart(title, "severity (0: clean)", lines)
    return charts
