"""The table ``consistency.csv``: change of predictions under each perturbed condition."""

from __future__ import annotations

from benchmark.score.consistency import names
from benchmark.score.score_types import BootstrapScores
from benchmark.score.tables.schema import Rows, TableSpec, ordered


def _rows(data: BootstrapScores) -> Rows:
    """Return one row per model, perturbed condition and measure."""
    rows = []
    for m, model in enumerate(data.models):
        for k, condition in enumerate(data.conditions):
            shift = data.shifts.get((model, condition))
            if shift is None:
                continue
            for q, name in enumerate(names(len(data.tags))):
                rows.append(
                    {
                        "model": model,
                        **condition.plain(),
                        "metric": name,
                        "value": shift.value[q],
                        "low": shift.low[q],
                        "high": shift.high[q],
                        "n_tracks": data.n_tracks,
                        "n_seeds": data.n_seeds[m, k],
                    }
                )
    return rows


TABLES = (
    TableSpec(
        "consistency",
        "one row per model, perturbed condition and measure of change; needs no labels",
        ("model", "protocol", "perturbation", "severity", "level", "metric"),
        ordered(
            "model perturbation severity level unit protocol metric value low high n_tracks "
            "family n_seeds"
        ),
        build=_rows,
    ),
)
