"""Content identity: a cell's id is the hash of everything that decides its numbers."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from datamodules.common.canonical_json import canonical_json

ID_LENGTH = 16


class Identity(BaseModel):
    """Base of what is hashed. How a cell ran (devices, paths, W&B) is another type on purpose."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


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
    """Everything that decides the weights of one trained model."""

    kind: Literal["train"] = "train"
    architecture: Architecture
    inputs: Inputs
    recipe: dict[str, Any]
    seed: int


class ImportIdentity(Identity):
    """Everything that decides what an imported model predicts: it was trained elsewhere."""

    kind: Literal["import"] = "import"
    architecture: Architecture
    task: Literal["multilabel", "singlelabel"]
    tags: list[str]
    weights: str


class PerturbationIdentity(Identity):
    """Everything that decides what the models hear."""

    name: str
    family: str
    level: float
    protocol: str
    revision: int
    engine: dict[str, str]
    seed: int


class ChainIdentity(Identity):
    """Everything that decides what the models hear of a chain: its links, in their order.

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


def cell_id(identity: Identity) -> str:
    """Return the id of a cell: the first 16 hex digits of the sha256 of its canonical JSON."""
    if not isinstance(identity, Identity):
        raise TypeError(f"only an Identity can be hashed, got {type(identity).__name__}")
    text = canonical(identity.model_dump(mode="json"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:ID_LENGTH]
