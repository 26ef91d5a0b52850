"""Models that differ in parameters: one row for each combination, one column for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.config.published import published_test_scores
from benchmark.config.schema import ModelFile
from benchmark.config.variant_text import Variant, value_text
from benchmark.experiment_files import find, load
from benchmark.report.data import ReportData
from benchmark.report.labels import records
from benchmark.report.sections.base import Section, include
from datamodules.common.errors import TagbenchError

_DEFAULT = "default"


@dataclass(frozen=True)
class Grid:
    """A table of scores.

    Attributes:
        parameters: Names of the parameters.
        models: Names of the models, the columns.
        rows: Values of the parameters, and the row of the leaderboard of each model, if any.
        published: Published scores by label.
    """

    parameters: tuple[str, ...]
    models: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Mapping[str, Any] | None, ...]], ...]
    published: Mapping[str, float]


def grids(board: Sequence[Mapping[str, Any]], published: Mapping[str, float]) -> list[Grid]:
    """Return a table for the models whose variants set the same parameters, if it has two rows.

    Args:
        board: Rows of the leaderboard.
        published: Published scores by label, in the order of the rows of their table.
    """
    rows = {str(row["model"]): row for row in board}
    variants = {label: _variant(label) for label in rows}
    names: dict[tuple[str, str], set[str]] = {}  # parameters, by model and augmentation
    for variant in variants.values():
        names.setdefault((variant.model, variant.augment), set()).update(variant.params)
    ordered = _ordered(rows, published)
    columns = dict.fromkeys((variants[label].model, variants[label].augment) for label in ordered)
    result = []
    for parameters in dict.fromkeys(tuple(sorted(found)) for found in names.values() if found):
        models = [key for key in columns if tuple(sorted(names[key])) == parameters]
        cells: dict[tuple[str, ...], dict[tuple[str, str], str]] = {}
        for label in ordered:
            variant = variants[label]
            if (variant.model, variant.augment) in models:
                values = _values(variant, parameters)
                cells.setdefault(values, {})[variant.model, variant.augment] = label
        table = tuple(
            (values, tuple(rows.get(labels.get(key, "")) for key in models))
            for values, labels in cells.items()
        )
        titles = tuple(str(Variant(model, {}, augment)) for model, augment in models)
        if len(table) > 1:
            result.append(Grid(parameters, titles, table, published))
    return result


def _variant(label: str) -> Variant:
    try:
        return Variant.parse(label)
    except TagbenchError:  # a file or folder of the user whose name has brackets
        return Variant(label)


def _ordered(labels: Mapping[str, Any], published: Mapping[str, float]) -> list[str]:
    """Return labels in the order of the published table, then in that of the leaderboard."""
    places = {label: place for place, label in enumerate(published)}
    return sorted(labels, key=lambda label: places.get(label, len(places)))


def _values(variant: Variant, parameters: Sequence[str]) -> tuple[str, ...]:
    """Return the values of parameters, of which the file states those that the name does not."""
    own = variant.params
    if not set(parameters) <= set(own):
        own = {**_file_params(variant.model), **own}
    return tuple(value_text(own[name]) if name in own else _DEFAULT for name in parameters)


def _file_params(model: str) -> Mapping[str, Any]:
    try:
        return load(find("models", model), ModelFile).params
    except TagbenchError:  # a file of the user, of which the results keep the name only
        return {}


def _build(data: ReportData) -> dict[str, Any] | None:
    published = {
        score.model: score.value
        for score in published_test_scores(data.tables.dataset)
        if score.metric == data.metric and not data.n_left_out
    }
    found = grids(records(data.ranked), published)
    return {"grids": found} if found else None


SECTION = Section("parameter-grid", "Scores by parameter", 13, include("parameter_grid"), _build)
