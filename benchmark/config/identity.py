"""Content identity: a cell's id is the hash of everything that decides its numbers."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

ID_LENGTH = 16


class Science(BaseModel):
    """Base of what is hashed. How a cell ran (devices, paths, W&B) is another type on purpose."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Inputs(Science):
    """Digests of what a prepared corpus feeds in."""

    manifest: str
    split: str
    tags: str
    task: Literal["multilabel", "singlelabel"]
    sample_rate: int


class Architecture(Science):
    """A model class, by its own ``identity``, with every parameter filled in.

    The import path is not part of it: a class that moves to another file keeps its ids.
    """

    identity: str
    revision: int
    params: dict[str, Any]
    sample_rate: int
    window: int


class TrainScience(Science):
    """Everything that decides the weights of one trained model."""

    kind: Literal["train"] = "train"
    architecture: Architecture
    inputs: Inputs
    recipe: dict[str, Any]
    seed: int


class ImportScience(Science):
    """Everything that decides what an imported model predicts: it was trained elsewhere."""

    kind: Literal["import"] = "import"
    architecture: Architecture
    task: Literal["multilabel", "singlelabel"]
    tags: list[str]
    weights: str


class PerturbationScience(Science):
    """Everything that decides what the models hear."""

    name: str
    family: str
    level: float
    protocol: str
    revision: int
    engine: dict[str, str]
    seed: int


class ChainScience(Science):
    """Everything that decides what the models hear of a chain: its links, in their order.

    Neither its name nor its severity is science.
    """

    links: list[PerturbationScience]
    seed: int


class EvalScience(Science):
    """Everything that decides one table of predictions."""

    kind: Literal["evaluation"] = "evaluation"
    train: str
    inputs: Inputs
    perturbation: PerturbationScience | ChainScience
    windows: dict[str, Any]


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN, ASCII."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
    )


def cell_id(science: Science) -> str:
    """Return the id of a cell: the first 16 hex digits of the sha256 of its canonical JSON."""
    if not isinstance(science, Science):
        raise TypeError(f"only Science can be hashed, got {type(science).__name__}")
    text = canonical(science.model_dump(mode="json"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:ID_LENGTH]
