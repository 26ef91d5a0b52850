"""Models of a matrix: models to train, and imported models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config.compared_tags import ComparedTags, compare_tags
from benchmark.config.imported import ImportedModel
from benchmark.config.models import ResolvedModel
from benchmark.plan.matrix import Experiment
from datamodules.common.errors import TagbenchError
from datamodules.labels.tag_matching import ALIASES, read_aliases

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus


def imported_model(name: str, folder: Path) -> ImportedModel:
    """Return the model of a checkpoint, whose weights are read.

    Args:
        name: Label of the model.
        folder: Folder of a checkpoint, or of a finished training cell.

    Raises:
        TagbenchError: There is no checkpoint, or it is damaged.
    """
    from benchmark.checkpoints.checkpoint import load_checkpoint

    card = load_checkpoint(folder)[1]
    if not card.tags:
        raise TagbenchError(
            f"The checkpoint {folder} is an encoder ({card.title}) and predicts no tags. Run a "
            f"probe on it: parents: {{encoder: {folder}}} in a model's YAML."
        )
    return ImportedModel.of(name, folder, card)


def compared_tags(
    experiment: Experiment,
    dataset: str,
    corpus: Corpus,
    models: Sequence[ResolvedModel],
    imported: Sequence[ImportedModel],
) -> ComparedTags:
    """Return the tags that models are compared on: those that all of them and the corpus have.

    Args:
        experiment: Names the tables of tags that mean the same.
        dataset: Name of the dataset.
        corpus: Its corpus. If it has no tags, those of the models are compared.
        models: Models to train; they have all tags of the corpus.
        imported: Imported models.

    Raises:
        TagbenchError: A model is to be trained without tags, fewer than two tags are shared, or
            the outputs of models are of two kinds and no tags say which is meant.
    """
    if not corpus.tags and models:
        raise TagbenchError(
            f"The dataset {dataset!r} has no tags, so {models[0].name!r} cannot be trained. Put "
            "a table of tags beside the audio (see README.md), or evaluate trained models: "
            "--checkpoints FOLDER"
        )
    for other in imported[1:] if not corpus.tags else ():
        if other.identity.task != (first := imported[0]).identity.task:
            raise TagbenchError(
                f"{first.folder} is {first.identity.task} and {other.folder} is "
                f"{other.identity.task}, and {dataset!r} has no tags that decide how predictions "
                "are read. Run each with a separate folder: --results FOLDER"
            )
    outputs = [model.outputs for model in imported]
    return compare_tags(dataset, corpus.tags, outputs, read_aliases(ALIASES, *experiment.aliases))


def with_parents(models: Sequence[ResolvedModel]) -> list[ResolvedModel]:
    """Return models and all models that they build on, each once, parents first."""
    lineage: dict[str, ResolvedModel] = {}
    for model in models:
        lineage |= {name: m for name, m in model.lineage.items() if name not in lineage}
    return list(lineage.values())


def imported_parents(models: Sequence[ResolvedModel]) -> list[ImportedModel]:
    """Return the imported models that models build on, each once.

    Raises:
        TagbenchError: One has the name of a model that is trained.
    """
    trained = with_parents(models)
    parents = {
        parent.name: parent
        for model in trained
        for parent in model.parents.values()
        if isinstance(parent, ImportedModel)
    }
    if twice := sorted({model.name for model in trained} & set(parents)):
        raise TagbenchError(
            f"{', '.join(twice)} names both a model to train and a checkpoint that a model builds "
            "on. Rename the folder of the checkpoint."
        )
    return list(parents.values())


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
