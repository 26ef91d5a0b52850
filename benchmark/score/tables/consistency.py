"""The table ``consistency.csv``: how far each perturbed condition moves predictions."""

from __future__ import annotations

from benchmark.score.consistency import names
from benchmark.score.score_types import BootstrapScores
from benchmark.score.tables.schema import Rows, TableSpec, ordered


def _rows(data: BootstrapScores) -> Rows:
    """Return one row per model, perturbed condition and measure."""
    rows = []
    for m, model in enumerate(data.models):
        for k, condition in enumerate(data.conditions):
            found = data.shifts.get((model, condition))
            if found is None:
                continue
            for q, name in enumerate(names(len(data.tags))):
                rows.append(
                    {
                        "model": model,
                        **condition.plain(),
                        "metric": name,
                        "value": found.value[q],
                        "low": found.low[q],
                        "high": found.high[q],
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
