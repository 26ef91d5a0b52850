"""A model that was trained elsewhere, as its card describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.card import CheckpointCard
from benchmark.config.compared_tags import Outputs
from benchmark.config.identity import Architecture, ImportIdentity

if TYPE_CHECKING:
    from lightning_modules.base import TaggingModule
    from lightning_modules.inputs import InputSpec


@dataclass(frozen=True)
class ImportedModel:
    """A model that was trained elsewhere: a folder of ``tagbench import-checkpoint``.

    Attributes:
        name: Label in the tables.
        folder: Folder of the checkpoint.
        class_path: Import path of the architecture.
        cls: The architecture.
        architecture: Its identity and parameters.
        parts: Arguments of the constructor that describe a parent.
        identity: Everything that determines its predictions.
        trained_on: Name of the dataset that it was trained on.
    """

    name: str
    folder: Path
    class_path: str
    cls: type[TaggingModule]
    architecture: Architecture
    parts: Mapping[str, Any]
    identity: ImportIdentity
    trained_on: str

    @classmethod
    def of(cls, name: str, folder: Path, card: CheckpointCard) -> ImportedModel:
        """Return the model that a card describes."""
        identity = ImportIdentity(
            architecture=card.architecture,
            task=card.task,
            tags=list(card.tags),
            weights=card.weights_sha256,
        )
        model_class = card.architecture_class()
        return cls(
            name, folder, card.class_path, model_class, card.architecture, card.parts, identity,
            card.dataset,
        )  # fmt: skip

    @property
    def description(self) -> dict[str, Any]:
        """Import path and parameters, from which the model can be built as part of another one.

        ``n_tags`` is among them: the weights may predict other tags than those of a dataset.
        """
        params = {**self.architecture.params, **self.parts}
        return {
            "class_path": self.class_path,
            "params": params,
            "n_tags": len(self.identity.tags),
        }

    @property
    def outputs(self) -> Outputs:
        """The tags that the model predicts."""
        return Outputs(self.name, self.trained_on, tuple(self.identity.tags))

    @property
    def launch(self) -> dict[str, str]:
        """What a process needs to copy the checkpoint."""
        return {"folder": str(self.folder.resolve())}

    @property
    def input_spec(self) -> InputSpec:
        """What the model sees of a track."""
        return self.cls.input_spec(**self.architecture.params, **self.parts)

    def build(self, n_tags: int) -> TaggingModule:
        """Build the module with initial weights."""
        return self.cls.build(seed=0, n_tags=n_tags, **self.architecture.params, **self.parts)
