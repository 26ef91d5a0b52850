"""The card of a checkpoint: what its weights are, as ``card.json`` beside them states it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.config.classes import declared_identity, import_class
from benchmark.config.identity import Architecture, canonical
from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Protocol

if TYPE_CHECKING:
    from lightning_modules.base import TaggingModule

WEIGHTS, CARD = "model.safetensors", "card.json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Source(_Strict):
    """File that the weights were read from.

    Attributes:
        file: Name of the file.
        sha256: Its digest.
        revision: Commit of the repository that it was downloaded from; empty if unknown.
    """

    file: str
    sha256: str
    revision: str = ""


class CheckpointCard(_Strict):
    """Description of a checkpoint.

    Attributes:
        format: Version of the format of the card.
        model: Name of the model's YAML.
        title: Name shown in tables.
        paper: Reference of the architecture.
        dataset: Dataset that the weights were trained on.
        task: ``multilabel`` or ``singlelabel``.
        class_path: Import path of the class.
        architecture: Identity of the class, revision, parameters, sample rate in Hz and window in
            samples.
        parts: Arguments of the class that describe the architecture of a parent, such as the
            encoder of a probe, or that determine the view.
        n_tags: Number of outputs, C; 0 for an encoder, which predicts no tags.
        tags: Their names, in order.
        windows: Default window protocol of predictions.
        source: The file that the weights were read from.
        weights_sha256: Digest of the file of weights.
    """

    format: Literal[1] = 1
    model: str
    title: str
    paper: str
    dataset: str
    task: Literal["multilabel", "singlelabel"]
    class_path: str
    architecture: Architecture
    parts: dict[str, Any] = {}
    n_tags: int
    tags: tuple[str, ...]
    windows: Protocol
    source: Source
    weights_sha256: str

    def architecture_class(self) -> type[TaggingModule]:
        """Import the class.

        Raises:
            TagbenchError: It does not exist, or has another identity or revision.
        """
        from lightning_modules.base import TaggingModule

        where = f"checkpoint {self.model!r}"
        if self.n_tags != len(self.tags):
            raise TagbenchError(f"{where}: n_tags is {self.n_tags} for {len(self.tags)} tags.")
        cls = import_class(self.class_path, TaggingModule, where)
        if not self.tags and cls.predicts:
            raise TagbenchError(f"{where}: the card names no tags, and {cls.title} predicts tags.")
        identity = declared_identity(cls, where)
        if identity != self.architecture.identity:
            raise TagbenchError(
                f"{where} was made for {self.architecture.identity!r}, but {self.class_path} is "
                f"{identity!r}: import or train it again."
            )
        if cls.revision != self.architecture.revision:
            raise TagbenchError(
                f"{where} was made for revision {self.architecture.revision} of "
                f"{self.class_path}, which is now at {cls.revision} and gives other "
                "results: import or train it again."
            )
        return cls

    def build(self) -> TaggingModule:
        """Build the module, without loading the weights.

        Raises:
            TagbenchError: See `architecture_class`; or the view is no longer the one that the model
                was trained on, such as a file of vectors that was replaced.
        """
        module = self.architecture_class().build(
            seed=0, n_tags=self.n_tags, task=self.task, **self.architecture.params, **self.parts
        )
        view = {} if module.view is None else module.view.identity()
        if canonical(view) != canonical(self.architecture.view):
            raise TagbenchError(
                f"checkpoint {self.model!r} was made for the view {self.architecture.view}, which "
                f"is now {view}: restore the file that it is read from, or train the model again."
            )
        return module


def read_card(folder: Path) -> CheckpointCard:
    """Read ``card.json``.

    Raises:
        TagbenchError: It is missing or not valid.
    """
    path = folder / CARD
    try:
        return CheckpointCard.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise TagbenchError(f"Cannot read {path}: {error}") from error
