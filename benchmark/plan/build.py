"""Expand a matrix into cells: pure, ordered, and written nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from benchmark.config.datasets import ResolvedDataset
from benchmark.config.identity import (
    ChainIdentity,
    EvaluationIdentity,
    Inputs,
    PerturbationIdentity,
    TrainIdentity,
    canonical,
)
from benchmark.config.models import ResolvedModel
from benchmark.perturbations import CLEAN, Condition, Perturbation, catalogue
from benchmark.plan.matrix import Experiment
from benchmark.plan.models import ImportedModel, vocabulary
from benchmark.store.cells import Cell, Plan

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus
    from lightning_modules.training.recipe import Recipe

Catalogue = Mapping[str, Perturbation]


def inputs_of(corpus: Corpus) -> Inputs:
    """Return the digests through which a corpus enters an identity."""
    return Inputs(
        manifest=corpus.manifest_digest,
        split=corpus.split_digest,
        tags=corpus.tags_digest,
        task=corpus.task,  # type: ignore[arg-type]  # validated by Inputs itself
        sample_rate=corpus.sample_rate,
    )


def build(
    experiment: Experiment,
    dataset: ResolvedDataset,
    corpus: Corpus,
    models: Sequence[ResolvedModel],
    imported: Sequence[ImportedModel] = (),
) -> Plan:
    """Expand the matrix of one dataset into cells.

    Args:
        experiment: The checked matrix.
        dataset: Which of its datasets.
        corpus: That dataset, prepared.
        models: Its architectures to train, resolved.
        imported: Its models that are trained already.
    """
    preset_name, preset = experiment.presets[dataset.name]
    tags = vocabulary(dataset.name, corpus, models, imported)
    inputs = inputs_of(corpus)
    recipe = effective_recipe(preset.training()).model_dump(mode="json", exclude={"name"})
    windows = preset.windows.model_dump(mode="json")
    task = corpus.task if corpus.tags else imported[0].identity.task
    common = {"dataset": dataset.name, "task": task, "preset": preset_name}
    launch = {"dataset_class": dataset.class_path, "dataset_params": dataset.params}
    training = [
        Cell(
            TrainIdentity(architecture=model.architecture, inputs=inputs, recipe=recipe, seed=seed),
            {**common, "model": model.name, "seed": seed},
            {**launch, "model_class": model.class_path},
        )
        for model in models
        for seed in experiment.seeds
    ]
    for model in imported:
        model.check_fits(dataset.name, corpus)
        labels = {**common, "model": model.name, "seed": 0}
        training.append(Cell(model.identity, labels, {"folder": str(model.folder.resolve())}))
    known = catalogue()
    evaluations = [
        Cell(
            EvaluationIdentity(
                train=cell.id,
                inputs=inputs,
                perturbation=perturbation_identity(condition, known, preset.perturbation_seed),
                windows=windows,
            ),
            {
                **cell.labels,
                **condition.labels(),
                "windows": preset.windows.protocol,
            },
            launch,
        )
        for cell in training
        for condition in experiment.conditions[dataset.name]
    ]
    contract = canonical(
        {
            "inputs": inputs.model_dump(mode="json"),
            "windows": windows,
            "recipe": recipe,
            "perturbation_seed": preset.perturbation_seed,
            "n_boot": preset.n_boot,
            # Not said where it is the usual one: records of older versions stay valid.
            **({"cluster": preset.cluster} if preset.cluster != "artist" else {}),
            **({} if corpus.tags else {"tags": list(tags)}),
        }
    )
    return Plan(dataset.name, preset_name, tuple(training), tuple(evaluations), contract)


def effective_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe as this machine can run it.

    bfloat16 is a request: where the device has no such arithmetic, training runs in float32, and
    the identity says so.
    """
    if recipe.precision != "bf16":
        return recipe
    import torch

    if torch.cuda.is_available():
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return recipe if able else recipe.model_copy(update={"precision": "32"})


def perturbation_identity(
    condition: Condition, known: Catalogue, seed: int
) -> PerturbationIdentity | ChainIdentity:
    """Return what decides what the models hear under a condition: of a chain, of each link.

    Args:
        condition: From :func:`~benchmark.perturbations.resolve`.
        known: The catalogue.
        seed: Of the perturbations.
    """
    if not condition.links:
        return _perturbation(condition, known, seed)
    return ChainIdentity(links=[_perturbation(c, known, seed) for c in condition.links], seed=seed)


def _perturbation(condition: Condition, known: Catalogue, seed: int) -> PerturbationIdentity:
    if condition == CLEAN:
        # The seed does not touch clean audio: one clean evaluation serves every seed.
        return PerturbationIdentity(
            name="clean", family="clean", level=0.0, protocol="suite", revision=1, engine={}, seed=0
        )
    identity = known[condition.perturbation].identity()
    return PerturbationIdentity(
        name=condition.perturbation,
        family=condition.family,
        level=condition.level,
        protocol=condition.protocol,
        revision=identity["revision"],
        engine=identity["engine"],
        seed=seed,
    )
