"""Expand a matrix into an ordered list of cells, without writing files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.config.compared_tags import ComparedTags
from benchmark.config.datasets import ResolvedDataset
from benchmark.config.identity import (
    ChainIdentity,
    Inputs,
    PerturbationIdentity,
    canonical,
)
from benchmark.config.imported import ImportedModel
from benchmark.config.models import AnyModel, ResolvedModel
from benchmark.config.schema import Preset
from benchmark.perturbations import CLEAN, Condition, Perturbation, catalogue
from benchmark.plan.matrix import Experiment
from benchmark.plan.models import compared_tags, with_parents
from benchmark.plan.training_checks import check_training
from benchmark.plan.trainings import Source, Trainings, inputs_of, science_of
from benchmark.store.cell_kinds import EvaluationSetting, ModelCell, evaluation_cells
from benchmark.store.cells import Labels
from benchmark.store.plans import Plan
from datamodules.corpus.track import SPLITS

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus

Catalogue = Mapping[str, Perturbation]

BAGS = ("album", "artist")
"""Columns of the manifest whose equal values make test tracks a bag."""


def build(
    experiment: Experiment,
    dataset: ResolvedDataset,
    corpus: Corpus,
    models: Sequence[ResolvedModel],
    imported: Sequence[ImportedModel] = (),
    device: str = "cpu",
    sources: Mapping[str, Source] = MappingProxyType({}),
    processes: int = 1,
) -> Plan:
    """Expand the matrix of one dataset into cells.

    Args:
        experiment: Checked matrix.
        dataset: Dataset of the matrix.
        corpus: Prepared corpus of the dataset.
        models: Architectures to train.
        imported: Imported models.
        device: Device that models are trained on: ``"cpu"`` or ``"cuda:<index>"``.
        sources: Other datasets that stages read, by name.
        processes: Number of processes that train a model together.

    Raises:
        TagbenchError: The models share too few tags, or a stage cannot use its recipe.
    """
    preset_name, preset = experiment.presets[dataset.name]
    compared = compared_tags(experiment, dataset.name, corpus, models, imported)
    inputs, recipe = inputs_of(corpus), science_of(preset.training(), device)
    task = corpus.task if corpus.tags else imported[0].identity.task
    launch = {"dataset_class": dataset.class_path, "dataset_params": dataset.params}
    trainings = Trainings(
        dataset.name, partial(Labels, dataset.name, task, preset_name), launch, inputs, preset,
        device, sources, experiment.datasets[dataset.name].pool, corpus,
    )  # fmt: skip
    for model in with_parents(models):
        check_training(model, experiment, dataset.name, corpus, trainings, processes)
    _check_views([*with_parents(models), *imported], corpus)
    pairs = _with_models(trainings, models, imported, experiment.seeds)
    cells = [cell for cell, _ in pairs]
    bags = {cell.id: BAGS for cell, model in pairs if model.cls.tests_bags}
    aliases = _aliases(trainings, imported, compared)
    clean_only = frozenset(cell.id for cell, model in pairs if not model.input_spec.reads_audio)
    settings = evaluation_settings(experiment.conditions[dataset.name], preset, inputs)
    return Plan(
        dataset.name, preset_name, tuple(cells),
        evaluation_cells(cells, settings, launch, bags, aliases, clean_only),
        _contract(preset, inputs, recipe, () if compared.whole else compared.tags),
        trainings.parents_of(cells), bags, trainings.augmented, compared, aliases,
        clean_only,
    )  # fmt: skip


def _aliases(
    trainings: Trainings, imported: Sequence[ImportedModel], compared: ComparedTags
) -> dict[str, dict[str, str]]:
    """Return the tags that imported models spell otherwise, by the id of their cell.

    There are none where the corpus has no tags: all outputs are stored under their own names.
    """
    return {
        trainings.imported(model).id: renamed
        for model in imported
        if compared.corpus and (renamed := compared.models[model.name].renamed)
    }


def _check_views(models: Sequence[AnyModel], corpus: Corpus) -> None:
    """Check that the views of all models have the tracks of a corpus.

    Raises:
        TagbenchError: Some tracks are missing, such as in a file of vectors.
    """
    splits = np.concatenate([corpus.rows(split) for split in SPLITS])
    track_ids = [str(corpus.track_ids[row]) for row in splits]
    for view in dict.fromkeys(model.input_spec.source for model in models):
        view.check_tracks(track_ids)


def _with_models(
    trainings: Trainings,
    models: Sequence[ResolvedModel],
    imported: Sequence[ImportedModel],
    seeds: Sequence[int],
) -> list[tuple[ModelCell, AnyModel]]:
    """Return the cell of every model that is evaluated, with its model."""
    return [
        *((trainings.cell(model, seed), model) for model in models for seed in seeds),
        *((trainings.imported(model), model) for model in imported),
    ]


def evaluation_settings(
    conditions: Sequence[Condition], preset: Preset, inputs: Inputs
) -> list[EvaluationSetting]:
    """Return the settings of each condition, which the evaluations of all models share."""
    perturbations, seed = catalogue(), preset.perturbation_seed
    windows = preset.windows.model_dump(mode="json")
    return [
        EvaluationSetting(
            condition, inputs, perturbation_identity(condition, perturbations, seed), windows
        )
        for condition in conditions
    ]


def _contract(
    preset: Preset, inputs: Inputs, recipe: Mapping[str, Any], tags: Sequence[str]
) -> str:
    """Return the canonical text of the settings that all rows of a leaderboard must share.

    Args:
        preset: Training budget and evaluation protocol.
        inputs: Digests of the corpus.
        recipe: The recipe as it is run.
        tags: Tags that the models are compared on; none if they are all tags of the corpus.
    """
    return canonical(
        {
            "inputs": inputs.model_dump(mode="json"),
            "windows": preset.windows.model_dump(mode="json"),
            "recipe": recipe,
            "perturbation_seed": preset.perturbation_seed,
            "n_boot": preset.n_boot,
            # Left out where it is the default: records of older versions stay valid.
            **({"cluster": preset.cluster} if preset.cluster != "artist" else {}),
            **({"tags": list(tags)} if tags else {}),
        }
    )


def perturbation_identity(
    condition: Condition, perturbations: Catalogue, seed: int
) -> PerturbationIdentity | ChainIdentity:
    """Return the identity of a condition, or of a chain and each of its links.

    Args:
        condition: From :func:`~benchmark.perturbations.resolve`.
        perturbations: The catalogue.
        seed: Seed of the perturbations.
    """
    if not condition.links:
        return _link_identity(condition, perturbations, seed)
    links = [_link_identity(link, perturbations, seed) for link in condition.links]
    return ChainIdentity(links=links, seed=seed)


def _link_identity(
    condition: Condition, perturbations: Catalogue, seed: int
) -> PerturbationIdentity:
    if condition == CLEAN:
        # The seed does not affect clean audio, so one clean evaluation is valid for every seed.
        return PerturbationIdentity(
            name="clean", family="clean", level=0.0, protocol="suite", revision=1, engine={}, seed=0
        )
    identity = perturbations[condition.perturbation].identity()
    return PerturbationIdentity(
        name=condition.perturbation,
        family=condition.family,
        level=condition.level,
        protocol=condition.protocol,
        revision=identity["revision"],
        engine=identity["engine"],
        seed=seed,
    )
