"""Content identity: a cell's id is the hash of everything that decides its numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from datamodules.common.canonical_json import canonical_json

ID_LENGTH = 16


class Identity(BaseModel):
    """Base of what is hashed. How a cell ran (devices, paths, W&B) is another type on purpose.

    Fields named in ``omitted_when_empty`` leave no trace while they are empty, so that a field can
    be added without a change of the ids that do not use it.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    omitted_when_empty: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        return {
            name: value
            for name, value in content.items()
            if value or name not in self.omitted_when_empty
        }

    @cached_property
    def canonical_text(self) -> str:
        """The canonical JSON text of this identity, which is what is hashed.

        It is joined from the texts of nested identities. Those are kept, because thousands of cells
        share them.
        """
        texts = (
            f'"{name}":{_canonical_part(value)}'
            for name, value in sorted(self)
            if value or name not in self.omitted_when_empty
        )
        return "{" + ",".join(texts) + "}"

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other values; its text is its own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("canonical_text", None)
        return copied


class Inputs(Identity):
    """Digests of what a prepared corpus feeds in."""

    manifest: str
    split: str
    tags: str
    task: Literal["multilabel", "singlelabel"]
    sample_rate: int


class Architecture(Identity):
    """A model class, by its own ``identity``, with every parameter filled in.

    The import path is not part of it: a class that moves to another file keeps its ids.
    """

    identity: str
    revision: int
    params: dict[str, Any]
    sample_rate: int
    window: int


class TrainIdentity(Identity):
    """Everything that decides the weights of one trained model.

    Attributes:
        parents: Ids of the training cells that this one builds on, such as a teacher, by the name
            under which the model refers to them.
    """

    omitted_when_empty: ClassVar[frozenset[str]] = frozenset({"parents"})

    kind: Literal["train"] = "train"
    architecture: Architecture
    inputs: Inputs
    recipe: dict[str, Any]
    seed: int
    parents: dict[str, str] = {}


class ImportIdentity(Identity):
    """Everything that decides what an imported model predicts: it was trained elsewhere."""

    kind: Literal["import"] = "import"
    architecture: Architecture
    task: Literal["multilabel", "singlelabel"]
    tags: list[str]
    weights: str


class PerturbationIdentity(Identity):
    """Everything that decides the audio of one condition, beside the audio of the corpus."""

    name: str
    family: str
    level: float
    protocol: str
    revision: int
    engine: dict[str, str]
    seed: int


class ChainIdentity(Identity):
    """Everything that decides the audio of a chain: its links, in their order.

    Neither its name nor its severity is part of the identity.
    """

    links: list[PerturbationIdentity]
    seed: int


class EvaluationIdentity(Identity):
    """Everything that decides one table of predictions."""

    kind: Literal["evaluation"] = "evaluation"
    train: str
    inputs: Inputs
    perturbation: PerturbationIdentity | ChainIdentity
    windows: dict[str, Any]


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN, ASCII."""
    return canonical_json(value, ascii_only=True)


def _canonical_part(value: Any) -> str:
    if isinstance(value, Identity):
        return value.canonical_text
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical_part, value)) + "]"
    return canonical(value)


def cell_id(identity: Identity) -> str:
    """Return the id of a cell: the first 16 hex digits of the sha256 of its canonical JSON.

    Raises:
        TypeError: ``identity`` is not an :class:`Identity`.
        ValueError: It holds NaN or an infinite number.
    """
    if not isinstance(identity, Identity):
        raise TypeError(f"only an Identity can be hashed, got {type(identity).__name__}")
    return hashlib.sha256(identity.canonical_text.encode("ascii")).hexdigest()[:ID_LENGTH]
