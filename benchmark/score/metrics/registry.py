"""The metrics of the benchmark, found in the modules of this package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection
from functools import cache

from benchmark.score.metrics.metric import SINGLELABEL, Metric
from datamodules.common.errors import unknown_name

_FIRST = ("class_metrics", "ranking_metrics", "decision_metrics")
"""Modules whose columns come first; those of other modules follow in the order of their names."""


@cache
def all_metrics() -> dict[str, Metric]:
    """Return every metric by name, in the order of the columns of the tables.

    Raises:
        TypeError: Two metrics have the same name.
    """
    package = importlib.import_module("benchmark.score.metrics")
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    names = [*_FIRST, *sorted(modules - set(_FIRST))]
    metrics: dict[str, Metric] = {}
    for name in names:
        if name in ("kernels", "registry"):
            continue
        for metric in getattr(importlib.import_module(f"{package.__name__}.{name}"), "METRICS", ()):
            if metric.name in metrics:
                raise TypeError(f"Two metrics are named {metric.name!r}. Rename one.")
            metrics[metric.name] = metric
    return metrics


def task_metrics(task: str, n_tags: int, extra: Collection[str] = ()) -> tuple[Metric, ...]:
    """Return the metrics of a task with ``n_tags`` tags; the first one ranks the models.

    Args:
        task: ``multilabel`` or ``singlelabel``.
        n_tags: Number of tags.
        extra: Names of further metrics, beside those that every leaderboard has.
    """
    return tuple(
        metric
        for metric in all_metrics().values()
        if task in metric.tasks
        and n_tags >= metric.min_tags
        and (metric.default or metric.name in extra)
    )


def check_metrics(names: Collection[str], where: str) -> None:
    """Check names of metrics that a preset lists.

    Raises:
        TagbenchError: There is no such metric; the message names the nearest.
    """
    for name in names:
        if name not in all_metrics():
            raise unknown_name("metric", name, all_metrics(), where)


def tag_metrics(extra: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of the metrics of single tags in ``per_tag.csv``.

    Args:
        extra: Names of further metrics, which follow those that every table has.
    """
    of_tags = [m for m in all_metrics().values() if m.of == "tag" and m.per_tag]
    always = [metric.name for metric in of_tags if metric.default]
    asked = [metric.name for metric in of_tags if not metric.default and metric.name in extra]
    return (*always, *asked)


def primary_metric(task: str) -> str:
    """Return the name of the metric that ranks the models of a task."""
    return "accuracy" if task == SINGLELABEL else "roc_auc"
