"""Cells: the units of work whose results are in ``results/cells/<id>/``.

Cells form a graph: an evaluation depends on the model that it evaluates, and a training may depend
on other trainings. A cell states its dependencies and the method of the worker that runs it;
``benchmark.run`` schedules and runs the graph. The kinds of cells are in
`benchmark.store.cell_kinds`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

from benchmark.config.identity import Identity, cell_id

BEST, LAST = "best.ckpt", "last.ckpt"
"""Checkpoints of a training cell: of the best epoch, and of the latest one."""

PREDICTIONS = "predictions.npz"
"""Track-level predictions of an evaluation cell."""


@dataclass(frozen=True)
class Labels:
    """Names of a cell in the tables. They are not part of its identity.

    Attributes:
        dataset: Name of the dataset.
        task: ``"multilabel"`` or ``"singlelabel"``.
        preset: Name of the preset.
        model: Name of the model.
        seed: Training seed.
    """

    dataset: str
    task: str
    preset: str
    model: str
    seed: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Labels:
        """Return the labels that ``values`` hold; other keys are ignored."""
        return cls(**{item.name: values[item.name] for item in fields(cls)})

    def __str__(self) -> str:
        return f"{self.dataset} {self.model} seed {self.seed}"


@dataclass(frozen=True, eq=False)
class Cell(ABC):
    """One unit of work. Two cells are equal if their ids are equal.

    Attributes:
        labels: Names of the cell in the tables.
        launch: Values that a process needs to run the cell and that are not part of its identity:
            import paths of classes, and parameters of the dataset, which may contain local paths.
        id: Hash of its identity.
    """

    kind: ClassVar[str]
    verb: ClassVar[str]
    """Verb for running cells of this kind, for the progress display."""
    fails_with_dependency: ClassVar[bool] = True
    """Whether the cell is recorded as failed when a cell that it depends on fails."""

    several_devices: ClassVar[bool] = False
    """Whether several devices may share the work on one cell."""

    labels: Labels
    launch: Mapping[str, Any]
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", cell_id(self.preimage()))

    @abstractmethod
    def preimage(self) -> Identity:
        """Return the configuration that determines the cell's results: the preimage of its id."""

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Ids of the cells that must be done before this one can run."""
        return ()

    @property
    def job_key(self) -> tuple[Any, ...]:
        """Key of the job; cells with equal keys may share a job."""
        return (self.id,)

    @property
    def group_key(self) -> tuple[Any, ...]:
        """Key of the group; cells with equal keys share work and run together in one job."""
        return (self.id,)

    @property
    def title(self) -> str:
        """Name of the cell in progress displays and messages."""
        return str(self.labels)

    @property
    def job_title(self) -> str:
        """Name of a job of such cells."""
        return f"{self.verb} {self.title}"

    @abstractmethod
    def run(self, context: Any) -> None:
        """Run this cell alone.

        Args:
            context: Context of the worker process, see `benchmark.store.cell_kinds.Context`.
        """

    @classmethod
    def run_together(cls, cells: Sequence[Self], context: Any) -> None:
        """Run the cells of one job."""
        for cell in cells:
            cell.run(context)

    def label_values(self) -> dict[str, Any]:
        """Return the labels as plain data."""
        return dict(vars(self.labels))

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``cell.json``."""
        return {
            "id": self.id,
            "kind": self.kind,
            "preimage": self.preimage().model_dump(mode="json"),
            "labels": self.label_values(),
            "launch": dict(self.launch),
        }

    @classmethod
    @abstractmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the cell of this kind that ``cell.json`` describes."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cell) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)
