"""The kinds of cells: a training, an imported model, an evaluation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self

from benchmark.config.identity import (
    ChainIdentity,
    EvaluationIdentity,
    ImportIdentity,
    Inputs,
    PerturbationIdentity,
    TrainIdentity,
)
from benchmark.perturbations import Condition
from benchmark.store.cells import Cell, Labels
from datamodules.common.errors import unknown_name


class Context(Protocol):
    """The work that a process does for the cells it runs, see `benchmark.run.worker`."""

    def train(self, cell: TrainCell) -> None:
        """Train a model, or resume its training."""

    def copy_checkpoint(self, cell: ImportCell) -> None:
        """Copy an imported checkpoint into its cell."""

    def evaluate(self, cells: Sequence[EvaluationCell]) -> None:
        """Evaluate models of one dataset; each condition is decoded and perturbed once."""


@dataclass(frozen=True, eq=False)
class TrainCell(Cell):
    """The training of one model."""

    kind: ClassVar[str] = "train"
    verb: ClassVar[str] = "train"
    several_devices: ClassVar[bool] = True

    identity: TrainIdentity

    def preimage(self) -> TrainIdentity:
        """Return the configuration that determines the weights."""
        return self.identity

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Ids of the trainings that this one builds on."""
        return tuple(self.identity.parents.values())

    def run(self, context: Context) -> None:
        """Train the model."""
        context.train(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the cell that ``cell.json`` describes."""
        identity = TrainIdentity.model_validate(document["preimage"])
        return cls(Labels.of(document["labels"]), document["launch"], identity)


@dataclass(frozen=True, eq=False)
class ImportCell(Cell):
    """A model that was trained elsewhere, copied from the folder that ``launch`` names."""

    kind: ClassVar[str] = "import"
    verb: ClassVar[str] = "import"

    identity: ImportIdentity

    def preimage(self) -> ImportIdentity:
        """Return the configuration that determines the predictions of the model."""
        return self.identity

    @property
    def job_key(self) -> tuple[Any, ...]:
        """Key of the job of all imports: copying takes less time than starting a process."""
        return (self.kind,)

    @property
    def job_title(self) -> str:
        """Name of the job of all imports."""
        return "import checkpoints"

    def run(self, context: Context) -> None:
        """Copy the checkpoint."""
        context.copy_checkpoint(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the cell that ``cell.json`` describes."""
        identity = ImportIdentity.model_validate(document["preimage"])
        return cls(Labels.of(document["labels"]), document["launch"], identity)


@dataclass(frozen=True)
class EvaluationSetting:
    """Settings that the evaluations of all models under one condition share.

    Attributes:
        condition: The condition.
        inputs: Digests of the corpus.
        perturbation: Identity of the condition.
        windows: How tracks are cut into windows.
        bags: Columns of the manifest: tracks with equal values are one bag, which gets one score.
            Only models that are tested on bags have any.
        aliases: Tags of the model by tag of the corpus, where their names differ. Only imported
            models have any.
    """

    condition: Condition
    inputs: Inputs
    perturbation: PerturbationIdentity | ChainIdentity
    windows: Mapping[str, Any]
    bags: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class EvaluationCell(Cell):
    """The evaluation of one model under one condition.

    Attributes:
        model: Id of the cell of the model.
        setting: Settings shared with the evaluations of other models under the same condition.
    """

    kind: ClassVar[str] = "evaluation"
    verb: ClassVar[str] = "evaluate"
    # The failed model has one row in the table of failures; a row per condition would be redundant.
    fails_with_dependency: ClassVar[bool] = False

    model: str
    setting: EvaluationSetting

    def preimage(self) -> EvaluationIdentity:
        """Return the configuration that determines the predictions.

        It is not stored in the cell, because a plan may contain 100,000 cells.
        """
        return EvaluationIdentity(
            train=self.model,
            inputs=self.setting.inputs,
            perturbation=self.setting.perturbation,
            windows=dict(self.setting.windows),
            bags=list(self.setting.bags),
            aliases=dict(self.setting.aliases),
        )

    @property
    def condition(self) -> Condition:
        """The condition of the test set."""
        return self.setting.condition

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Id of the cell of the model."""
        return (self.model,)

    @property
    def job_key(self) -> tuple[Any, ...]:
        """Key of the job: cells of one dataset may share it."""
        return (self.kind, self.labels.dataset)

    @property
    def group_key(self) -> tuple[Any, ...]:
        """Key of the group: cells of one condition of a dataset use the same perturbed audio."""
        return (self.kind, self.labels.dataset, self.condition)

    @property
    def title(self) -> str:
        """Labels and condition."""
        return f"{self.labels} {self.condition.label}"

    @property
    def job_title(self) -> str:
        """Name of a job on the conditions of one dataset."""
        return f"{self.verb} {self.labels.dataset}"

    def run(self, context: Context) -> None:
        """Evaluate the model."""
        context.evaluate([self])

    @classmethod
    def run_together(cls, cells: Sequence[Self], context: Context) -> None:
        """Evaluate models of one dataset over the same audio."""
        context.evaluate(cells)

    def label_values(self) -> dict[str, Any]:
        """Return the labels of the model and of the condition as plain data."""
        windows = {"windows": self.setting.windows["protocol"]}
        return {**vars(self.labels), **self.condition.labels(), **windows}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the cell that ``cell.json`` describes."""
        identity = EvaluationIdentity.model_validate(document["preimage"])
        condition = Condition.from_labels(document["labels"])
        setting = EvaluationSetting(
            condition,
            identity.inputs,
            identity.perturbation,
            identity.windows,
            tuple(identity.bags),
            identity.aliases,
        )
        labels = Labels.of(document["labels"])
        return cls(labels, document["launch"], identity.train, setting)


SINGLE_CLIPS = " (single clips)"
"""Follows the name of a model that is tested on bags, where it is tested on single tracks."""

ModelCell = TrainCell | ImportCell
"""A cell whose result is a model."""


def evaluation_cells(
    models: Iterable[Cell],
    settings: Sequence[EvaluationSetting],
    launch: Mapping[str, Any],
    bags: Mapping[str, Sequence[str]] = MappingProxyType({}),
    aliases: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    clean_only: Collection[str] = (),
) -> tuple[EvaluationCell, ...]:
    """Return the evaluation of every model under every condition that its input can show.

    Args:
        models: Cells of the models.
        settings: One for each condition, without bags.
        launch: Class and parameters of the dataset.
        bags: Columns that form the bags of models that are tested on bags, by the id of their cell.
            They are evaluated on bags, and under another name on single tracks.
        aliases: Tags of a model by tag of the corpus, where their names differ, by the id of its
            cell.
        clean_only: Ids of the cells of models whose input is not audio. Perturbations do not reach
            them, so that they are evaluated without.
    """
    cells: list[EvaluationCell] = []
    clean = [setting for setting in settings if setting.condition.clean]
    for model in models:
        single = model.labels
        own = clean if model.id in clean_only else list(settings)
        if model.id in aliases:
            own = [replace(setting, aliases=aliases[model.id]) for setting in own]
        if model.id in bags:
            by = tuple(bags[model.id])
            cells += [
                EvaluationCell(model.labels, launch, model.id, replace(setting, bags=by))
                for setting in own
            ]
            single = replace(single, model=single.model + SINGLE_CLIPS)
        cells += [EvaluationCell(single, launch, model.id, setting) for setting in own]
    return tuple(cells)


def read_cell(document: Mapping[str, Any]) -> Cell:
    """Return the cell that ``cell.json`` describes.

    Raises:
        TagbenchError: This version has no such kind of cell.
    """
    kinds = {cls.kind: cls for cls in Cell.__subclasses__()}
    if document["kind"] not in kinds:
        raise unknown_name("kind of cell", document["kind"], kinds, f"cell {document['id']}")
    return kinds[document["kind"]].from_json(document)
