"""Content identity: the id of a cell is a hash of everything that determines its results."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from datamodules.common.canonical_json import canonical_json

ID_LENGTH = 16


class Identity(BaseModel):
    """Base class of hashed content. Devices, paths and W&B settings are not part of an identity.

    Fields named in ``omitted_when_empty`` are left out of the hash while they are empty, so that a
    new field does not change the ids of cells that do not use it.
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
        """Canonical JSON text of this identity, from which the hash is computed.

        It is built from the cached texts of nested identities, which thousands of cells share.
        """
        texts = (
            f'"{name}":{_canonical_part(value)}'
            for name, value in sorted(self)
            if value or name not in self.omitted_when_empty
        )
        return "{" + ",".join(texts) + "}"

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with updated values and without the cached text."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("canonical_text", None)
        return copied


class Inputs(Identity):
    """Digests of a prepared corpus."""

    manifest: str
    split: str
    tags: str
    task: Literal["multilabel", "singlelabel"]
    sample_rate: int


class Architecture(Identity):
    """The ``identity`` of a model class, with all parameters.

    The import path is not included, so that a class that moves to another file keeps its ids.

    Attributes:
        view: Identity of the view that the model sees; empty for the samples.
    """

    omitted_when_empty: ClassVar[frozenset[str]] = frozenset({"view"})

    identity: str
    revision: int
    params: dict[str, Any]
    sample_rate: int
    window: int
    view: dict[str, Any] = {}


class StageIdentity(Identity):
    """The ``identity`` of a way of training, with everything that determines what it does.

    Attributes:
        identity: Name of the class.
        revision: Its revision.
        params: Its parameters, except those that name datasets, augmentations, targets or files.
        sources: Digests of the other datasets that it reads, by parameter.
        augmentations: Identities of the augmentations, by parameter.
        targets: Identities of the target sources, by parameter.
        files: Digests of the files that parameters name, by parameter.
    """

    omitted_when_empty: ClassVar[frozenset[str]] = frozenset(
        {"sources", "augmentations", "targets", "files"}
    )

    identity: str
    revision: int
    params: dict[str, Any]
    sources: dict[str, dict[str, Any]] = {}
    augmentations: dict[str, dict[str, Any]] = {}
    targets: dict[str, list[dict[str, Any]]] = {}
    files: dict[str, dict[str, Any]] = {}


class TrainIdentity(Identity):
    """Everything that determines the weights of a trained model.

    Attributes:
        stage: How the model is trained; None for the default of its class.
        parents: Ids of the training cells that this one builds on, such as a teacher, by the name
            under which the model refers to them.
    """

    omitted_when_empty: ClassVar[frozenset[str]] = frozenset({"parents", "stage"})

    kind: Literal["train"] = "train"
    architecture: Architecture
    inputs: Inputs
    recipe: dict[str, Any]
    seed: int
    parents: dict[str, str] = {}
    stage: StageIdentity | None = None


class ImportIdentity(Identity):
    """Everything that determines the predictions of an imported model."""

    kind: Literal["import"] = "import"
    architecture: Architecture
    task: Literal["multilabel", "singlelabel"]
    tags: list[str]
    weights: str


class PerturbationIdentity(Identity):
    """Everything that determines the audio of a condition, in addition to the corpus."""

    name: str
    family: str
    level: float
    protocol: str
    revision: int
    engine: dict[str, str]
    seed: int


class ChainIdentity(Identity):
    """Everything that determines the audio of a chain: its links in order.

    Neither its name nor its severity is part of the identity.
    """

    links: list[PerturbationIdentity]
    seed: int


class EvaluationIdentity(Identity):
    """Everything that determines the predictions of a cell.

    Attributes:
        bags: Columns whose equal values make tracks a bag; empty if each track has a score.
        aliases: Tags of the model by tag of the corpus, where their names differ.
    """

    omitted_when_empty: ClassVar[frozenset[str]] = frozenset({"bags", "aliases"})

    kind: Literal["evaluation"] = "evaluation"
    train: str
    inputs: Inputs
    perturbation: PerturbationIdentity | ChainIdentity
    windows: dict[str, Any]
    bags: list[str] = []
    aliases: dict[str, str] = {}


def canonical(value: Any) -> str:
    """Return the canonical JSON text of a value: sorted keys, no spaces, no NaN, ASCII."""
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
