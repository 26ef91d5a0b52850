"""Estimate how long the cells of a plan take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.config.imported import ImportedModel
from benchmark.config.models import AnyModel, ResolvedModel
from benchmark.config.schema import Preset
from benchmark.plan.cost import (
    Cost,
    cost_of,
    evaluation_seconds,
    macs_per_second_of,
    training_seconds,
)
from benchmark.store.cell_kinds import SINGLE_CLIPS, EvaluationCell, TrainCell
from benchmark.store.cells import Cell

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus


@dataclass(frozen=True)
class Estimate:
    """Counted cost and estimated time of the models of a plan.

    Attributes:
        costs: Cost by name of the model.
        by_kind: Seconds of one cell, by its kind and the name of its model.
    """

    costs: Mapping[str, Cost]
    by_kind: Mapping[str, Mapping[str, float]]

    def seconds(self, cell: Cell) -> float:
        """Return the estimated time of a cell; 0 for a kind that takes almost no time."""
        name = cell.labels.model.removesuffix(SINGLE_CLIPS)
        return self.by_kind.get(cell.kind, {}).get(name, 0.0)


def estimate(
    models: Sequence[AnyModel],
    corpus: Corpus,
    preset: Preset,
    n_tags: int,
    device: str,
    threads: int,
) -> Estimate:
    """Estimate the time of the cells of one dataset.

    Args:
        models: Models of the matrix.
        corpus: Prepared corpus of the dataset.
        preset: Training budget and evaluation protocol.
        n_tags: Number of outputs of each model that is trained; an imported one has its own.
        device: ``"cpu"`` or ``"cuda:<index>"``.
        threads: CPU threads of one job.
    """
    costs = {
        model.name: cost_of(
            model, len(model.identity.tags) if isinstance(model, ImportedModel) else n_tags
        )
        for model in models
    }
    rate = macs_per_second_of(device, threads)
    return Estimate(
        costs,
        {
            TrainCell.kind: {
                model.name: training_seconds(
                    costs[model.name], model.recipe_in(preset), corpus, rate
                )
                for model in models
                if isinstance(model, ResolvedModel)
            },
            EvaluationCell.kind: evaluation_seconds(
                costs, corpus, preset.windows.max_windows, rate
            ),
        },
    )
