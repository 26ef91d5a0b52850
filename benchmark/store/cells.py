"""Cells: the units of work whose results lie under ``results/cells/<id>/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark.config.identity import Identity, cell_id

BEST, LAST = "best.ckpt", "last.ckpt"
"""Checkpoints of a training cell: of the best epoch, and of the latest one."""

PREDICTIONS = "predictions.npz"
"""Track-level predictions of an evaluation cell."""


@dataclass(frozen=True)
class Cell:
    """One unit of work: what decides its numbers, and what people call it.

    Attributes:
        identity: The preimage of the id.
        labels: Names for tables; no two cells may share an id, but they may share labels.
        launch: What a process needs to run it beside the identity: the dataset's class and its
            parameters, which may name a folder of this machine.
    """

    identity: Identity
    labels: Mapping[str, Any]
    launch: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Content hash of ``identity``."""
        return cell_id(self.identity)

    def to_json(self) -> dict[str, Any]:
        """Return what ``cell.json`` holds."""
        preimage = self.identity.model_dump(mode="json")
        return {
            "id": self.id,
            "kind": preimage["kind"],
            "preimage": preimage,
            "labels": dict(self.labels),
            "launch": dict(self.launch),
        }


@dataclass(frozen=True)
class Plan:
    """The cells of one dataset, in the order in which they are listed, trained and scored."""

    dataset: str
    preset: str
    training: tuple[Cell, ...]
    evaluations: tuple[Cell, ...]
    contract: str
    """Canonical text of what every row of one leaderboard must share."""
