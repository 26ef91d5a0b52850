"""The metrics of the benchmark, found in the modules of this package."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from benchmark.score.metrics.metric import SINGLELABEL, Metric

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


def task_metrics(task: str, n_tags: int) -> tuple[Metric, ...]:
    """Return the metrics of a task with ``n_tags`` tags; the first one ranks the models."""
    metrics = all_metrics().values()
    return tuple(m for m in metrics if task in m.tasks and n_tags >= m.min_tags)


def tag_metrics() -> tuple[str, ...]:
    """Return the names of the metrics of single tags in ``per_tag.csv``."""
    return tuple(m.name for m in all_metrics().values() if m.of == "tag" and m.per_tag)


def primary_metric(task: str) -> str:
    """Return the name of the metric that ranks the models of a task."""
    return "accuracy" if task == SINGLELABEL else "roc_auc"
