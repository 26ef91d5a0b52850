"""Plans: all cells of one matrix on one dataset, as an object and as one file.

Evaluations are the product of models and conditions, so the file lists models and conditions: the
plan of 100,000 cells takes a few megabytes. It contains what is needed to run a cell that does not
have a folder yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.config.compared_tags import ComparedTags
from benchmark.config.identity import ChainIdentity, Inputs, PerturbationIdentity
from benchmark.config.trained_on import Augmented
from benchmark.perturbations import Condition
from benchmark.store.cell_kinds import (
    EvaluationCell,
    EvaluationSetting,
    ModelCell,
    evaluation_cells,
    read_cell,
)
from benchmark.store.cells import Cell

FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """The cells of one dataset, in the order in which they are listed and scored.

    Attributes:
        dataset: Name of the dataset.
        preset: Name of the preset.
        training: Cells of the models to evaluate, trained or imported.
        evaluations: Every model under every condition, but for those of ``clean_only``.
        contract: Canonical text of the settings that all rows of a leaderboard must share.
        parents: Models that those of ``training`` depend on, and that are not evaluated.
        bags: Columns that form the bags of models that are tested on bags, by the id of their cell.
        clean_only: Ids of the cells of models whose input is not audio. They are evaluated on the
            unperturbed test set only.
        augmented: Facts on the trainings with augmentation, by the id of their cell. They describe
            models in tables, and are not part of the plan's file.
        compared: The tags that the models are compared on, which are part of the run record.
        aliases: Tags of a model by tag of the corpus, where their names differ, by the id of its
            cell.
    """

    dataset: str
    preset: str
    training: tuple[ModelCell, ...]
    evaluations: tuple[EvaluationCell, ...]
    contract: str
    parents: tuple[ModelCell, ...] = field(default=())
    bags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    augmented: Mapping[str, Augmented] = field(default_factory=dict)
    compared: ComparedTags = field(default_factory=ComparedTags)
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clean_only: frozenset[str] = frozenset()

    @property
    def models(self) -> tuple[ModelCell, ...]:
        """Every cell whose result is a model, parents first."""
        return (*self.parents, *self.training)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, each after those of ``training`` and ``parents`` that it depends on."""
        return (*self.models, *self.evaluations)

    def to_json(self) -> dict[str, Any]:
        """Return the content of the plan's file."""
        settings = {cell.condition: cell.setting for cell in self.evaluations}.values()
        aliases = {cell: dict(own) for cell, own in self.aliases.items()}
        return {
            "format": FORMAT,
            "dataset": self.dataset,
            "preset": self.preset,
            "contract": self.contract,
            "parents": [cell.to_json() for cell in self.parents],
            "training": [cell.to_json() for cell in self.training],
            "launch": dict(self.evaluations[0].launch) if self.evaluations else {},
            "settings": [
                {
                    "condition": setting.condition.labels(),
                    "inputs": setting.inputs.model_dump(mode="json"),
                    "perturbation": setting.perturbation.model_dump(mode="json"),
                    "windows": dict(setting.windows),
                }
                for setting in settings
            ],
            # Left out where there are none, as in the plans of older versions.
            **({"bags": {cell: list(by) for cell, by in self.bags.items()}} if self.bags else {}),
            **({"aliases": aliases} if aliases else {}),
            **({"clean_only": sorted(self.clean_only)} if self.clean_only else {}),
        }


def planned_cells(document: Mapping[str, Any]) -> Iterator[Cell]:
    """Yield the cells that a plan's file describes.

    Args:
        document: See :meth:`Plan.to_json`.
    """
    yield from (read_cell(cell) for cell in document["parents"])
    models = [read_cell(cell) for cell in document["training"]]
    yield from models
    settings = [
        EvaluationSetting(
            Condition.from_labels(setting["condition"]),
            Inputs.model_validate(setting["inputs"]),
            _perturbation(setting["perturbation"]),
            setting["windows"],
        )
        for setting in document["settings"]
    ]
    bags, aliases = document.get("bags", {}), document.get("aliases", {})
    clean_only = document.get("clean_only", ())
    yield from evaluation_cells(models, settings, document["launch"], bags, aliases, clean_only)


def _perturbation(content: Mapping[str, Any]) -> PerturbationIdentity | ChainIdentity:
    if "links" in content:
        return ChainIdentity.model_validate(content)
    return PerturbationIdentity.model_validate(content)
