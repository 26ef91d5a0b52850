"""Models of a matrix: models to train, and imported models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.identity import Architecture, ImportIdentity
from benchmark.config.models import ResolvedModel
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus
    from lightning_modules.base import TaggingModule
    from lightning_modules.inputs import InputSpec


@dataclass(frozen=True)
class ImportedModel:
    """A model that was trained elsewhere: a folder of ``tagbench import-checkpoint``."""

    name: str
    folder: Path
    class_path: str
    cls: type[TaggingModule]
    architecture: Architecture
    parts: Mapping[str, Any]
    identity: ImportIdentity

    @classmethod
    def of(cls, name: str, folder: Path) -> ImportedModel:
        """Read the card of a checkpoint."""
        from benchmark.checkpoints.checkpoint import load_checkpoint

        module, card = load_checkpoint(folder)
        identity = ImportIdentity(
            architecture=card.architecture,
            task=card.task,
            tags=list(card.tags),
            weights=card.weights_sha256,
        )
        built = (card.architecture, card.parts)
        return cls(name, folder, card.class_path, type(module), *built, identity)

    def build(self, n_tags: int) -> TaggingModule:
        """Build the module with initial weights."""
        return self.cls.build(seed=0, n_tags=n_tags, **self.architecture.params, **self.parts)

    @property
    def launch(self) -> dict[str, str]:
        """What a process needs to copy the checkpoint."""
        return {"folder": str(self.folder.resolve())}

    @property
    def input_spec(self) -> InputSpec:
        """What the model sees of a track."""
        return self.cls.input_spec(**self.architecture.params, **self.parts)

    def check_fits(self, dataset: str, corpus: Corpus) -> None:
        """Raise when the model cannot predict the tags of a corpus."""
        missing = [tag for tag in corpus.tags if tag not in self.identity.tags]
        if missing:
            raise TagbenchError(
                f"The checkpoint {self.folder} cannot be scored on {dataset!r}: it does not "
                f"predict {len(missing)} of {len(corpus.tags)} tags ({', '.join(missing[:8])}"
                f"{' ...' if len(missing) > 8 else ''}). Its tags: {', '.join(self.identity.tags)}."
            )


def vocabulary(
    dataset: str, corpus: Corpus, models: Sequence[ResolvedModel], imported: Sequence[ImportedModel]
) -> tuple[str, ...]:
    """Return the tags that models predict: those of the corpus, else those of the models.

    Raises:
        TagbenchError: A model is to be trained without tags, or the models predict different tags.
    """
    if corpus.tags:
        return corpus.tags
    if models:
        raise TagbenchError(
            f"The dataset {dataset!r} has no tags, so {models[0].name!r} cannot be trained. Put "
            "a table of tags beside the audio (see README.md), or evaluate trained models: "
            "--checkpoints FOLDER"
        )
    first = imported[0]
    for other in imported[1:]:
        if (other.identity.tags, other.identity.task) != (first.identity.tags, first.identity.task):
            raise TagbenchError(
                f"{first.folder} and {other.folder} do not predict the same tags, and "
                f"{dataset!r} has no tags that select between them. Run each with a separate "
                "folder: --results FOLDER"
            )
    return tuple(first.identity.tags)


def with_parents(models: Sequence[ResolvedModel]) -> list[ResolvedModel]:
    """Return models and all models that they build on, each once, parents first."""
    lineage: dict[str, ResolvedModel] = {}
    for model in models:
        lineage |= {name: m for name, m in model.lineage.items() if name not in lineage}
    return list(lineage.values())


def check_predicts(models: Sequence[ResolvedModel]) -> None:
    """Check that models that are to be evaluated predict tags.

    Raises:
        TagbenchError: One is a pre-training.
    """
    for model in models:
        if model.stage is not None and not model.stage.cls.predicts:
            raise TagbenchError(
                f"The model {model.name!r} is a pre-training ({model.stage.cls.title}) and "
                "predicts no tags. Run a model that builds on it, such as a linear probe: see "
                "tagbench list models."
            )


def check_augmentations(models: Sequence[ResolvedModel]) -> None:
    """Check that no model that sees a view is trained with an augmentation, which changes audio.

    Raises:
        TagbenchError: One is.
    """
    for model in with_parents(models):
        view = model.input_spec.view
        if view is not None and model.stage is not None and model.stage.augmentations:
            raise TagbenchError(
                f"The model {model.name!r} sees the view {view.name!r}, which is computed once for "
                "each track, and cannot be trained with the augmentation "
                f"{next(iter(model.stage.augmentations.values()))!r}. Remove the augmentation."
            )


AnyModel = ResolvedModel | ImportedModel
"""A model of the matrix: one to train, or an imported one."""
