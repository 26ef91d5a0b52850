"""From an experiment to cells: pure, ordered, and written nowhere.

Names are checked before anything heavy is imported, so a typo costs no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.files import (
    BenchmarkFile,
    DatasetFile,
    ModelFile,
    Preset,
    declared,
    declared_identity,
    find,
    import_class,
    load,
    resolve_params,
)
from benchmark.config.identity import (
    Architecture,
    ChainScience,
    EvalScience,
    ImportScience,
    Inputs,
    PerturbationScience,
    TrainScience,
    canonical,
)
from benchmark.perturbations import CLEAN, Condition, Perturbation, catalogue, resolve
from benchmark.store.store import Cell
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from datamodules.base import TaggingDataModule
    from datamodules.corpus.corpus import Corpus
    from lightning_modules.base import TaggingModule
    from lightning_modules.training.recipe import Recipe

Catalogue = Mapping[str, Perturbation]

# Parameters of datasets that name a place on this machine, and their flags.
PLACES = {"data": "--data", "audio_dir": "--audio-dir"}


@dataclass(frozen=True)
class Experiment:
    """A checked matrix: every name resolved to its file, nothing imported yet."""

    datasets: Mapping[str, DatasetFile]
    models: Mapping[str, ModelFile]
    checkpoints: Mapping[str, Path]
    """Folders of imported models, by label."""
    seeds: tuple[int, ...]
    presets: Mapping[str, tuple[str, Preset]]
    """Name and content of the preset of each dataset."""
    conditions: Mapping[str, tuple[Condition, ...]]
    """Conditions of each dataset, clean first."""

    @property
    def n_training(self) -> int:
        """Number of training cells."""
        return len(self.datasets) * len(self.models) * len(self.seeds)

    @property
    def n_evaluations(self) -> int:
        """Number of evaluation cells."""
        heard = len(self.models) * len(self.seeds) + len(self.checkpoints)
        return heard * sum(len(conditions) for conditions in self.conditions.values())


def check(benchmark: BenchmarkFile) -> Experiment:
    """Resolve every name of a matrix.

    Raises:
        TagbenchError: A dataset, model, preset, perturbation or level that does not exist, or a
            file that does not validate.
    """
    datasets = {
        Path(name).stem: load(find("datasets", name), DatasetFile)
        for name in dict.fromkeys(benchmark.datasets)
    }
    models = {
        Path(name).stem: load(find("models", name), ModelFile)
        for name in dict.fromkeys(benchmark.models)
    }
    checkpoints = {Path(name).resolve().name: Path(name) for name in benchmark.checkpoints}
    if not models and not checkpoints:
        raise TagbenchError("The matrix has no model: name some with --models or --checkpoints.")
    if twice := sorted(set(models) & set(checkpoints)):
        raise TagbenchError(
            f"{', '.join(twice)} names a model to train and a checkpoint: rename the folder."
        )
    presets, conditions = {}, {}
    for name, dataset in datasets.items():
        preset_name = benchmark.preset or dataset.preset
        preset = load(find("presets", preset_name), Preset)
        preset.windows.build()
        presets[name] = (Path(preset_name).stem, preset)
        selection = benchmark.perturbations
        if selection is None:
            selection = preset.perturbations
        chosen = resolve(selection, preset.severities) if selection else ()
        conditions[name] = (CLEAN, *(c for c in chosen if c != CLEAN))
    seeds = tuple(dict.fromkeys(benchmark.seeds))
    return Experiment(datasets, models, checkpoints, seeds, presets, conditions)


@dataclass(frozen=True)
class ResolvedModel:
    """An architecture with its class imported, its parameters complete and its cost known."""

    name: str
    class_path: str
    cls: type[TaggingModule]
    architecture: Architecture

    @classmethod
    def of(cls, name: str, file: ModelFile) -> ResolvedModel:
        """Import and check the class that a model file names."""
        from lightning_modules.base import TaggingModule

        where = f"model {name!r}"
        found = import_class(file.class_path, TaggingModule, where)
        params = resolve_params(
            found, TaggingModule, file.params, where, skip=frozenset({"n_tags"})
        )
        architecture = Architecture(
            identity=declared_identity(found, where),
            revision=found.revision,
            params=params,
            sample_rate=found.sample_rate,
            window=found.input_samples,
        )
        return cls(name, file.class_path, found, architecture)


@dataclass(frozen=True)
class ImportedModel:
    """A model that was trained elsewhere: a folder of ``tagbench import-checkpoint``."""

    name: str
    folder: Path
    class_path: str
    cls: type[TaggingModule]
    architecture: Architecture
    science: ImportScience

    @classmethod
    def of(cls, name: str, folder: Path) -> ImportedModel:
        """Read the card of a checkpoint."""
        from benchmark.checkpoints.checkpoint import load_checkpoint

        module, card = load_checkpoint(folder)
        science = ImportScience(
            architecture=card.architecture,
            task=card.task,
            tags=list(card.tags),
            weights=card.weights_sha256,
        )
        return cls(name, folder, card.class_path, type(module), card.architecture, science)

    def check_fits(self, dataset: str, corpus: Corpus) -> None:
        """Raise when the model cannot predict the tags of a corpus."""
        missing = [tag for tag in corpus.tags if tag not in self.science.tags]
        if missing:
            raise TagbenchError(
                f"The checkpoint {self.folder} cannot be scored on {dataset!r}: it does not know "
                f"{len(missing)} of {len(corpus.tags)} tags ({', '.join(missing[:8])}"
                f"{' ...' if len(missing) > 8 else ''}). Its tags: {', '.join(self.science.tags)}."
            )


def vocabulary(
    dataset: str, corpus: Corpus, models: Sequence[ResolvedModel], imported: Sequence[ImportedModel]
) -> tuple[str, ...]:
    """Return the tags that models predict: those of the corpus, or without labels their own.

    Raises:
        TagbenchError: There is nothing to learn from, or the models know different tags.
    """
    if corpus.tags:
        return corpus.tags
    if models:
        raise TagbenchError(
            f"The dataset {dataset!r} has no tags, so {models[0].name!r} has nothing to learn. "
            f"Write a table of tags beside the audio (see README.md), or hear models that are "
            "trained already: --checkpoints FOLDER"
        )
    first = imported[0]
    for other in imported[1:]:
        if (other.science.tags, other.science.task) != (first.science.tags, first.science.task):
            raise TagbenchError(
                f"{first.folder} and {other.folder} do not predict the same tags, and "
                f"{dataset!r} has none to choose among them. Run each with --results of its own."
            )
    return tuple(first.science.tags)


Heard = ResolvedModel | ImportedModel
"""A model of the matrix, whether it is to be trained or was."""


@dataclass(frozen=True)
class ResolvedDataset:
    """A dataset with its class imported and its parameters complete."""

    name: str
    class_path: str
    cls: type[TaggingDataModule]
    params: dict[str, Any]

    @classmethod
    def of(cls, name: str, file: DatasetFile, extra: Mapping[str, Any]) -> ResolvedDataset:
        """Import and check the class that a dataset file names.

        Args:
            name: Label.
            file: Its YAML.
            extra: Parameters from the command line, such as ``data`` of a folder.
        """
        from datamodules.base import TaggingDataModule

        where = f"dataset {name!r}"
        found = import_class(file.class_path, TaggingDataModule, where)
        given = {**file.params, **extra}
        takes = declared(found, TaggingDataModule)
        if "data" in takes and "data" not in given:
            raise TagbenchError(
                f"The {where} needs the place of your audio: --data PATH "
                f"(make benchmark DATASET={name} DATA=PATH)."
            )
        for place, flag in PLACES.items():
            if place in extra and place not in takes:
                raise TagbenchError(f"The {where} takes no audio from {flag}: leave it out.")
        params = resolve_params(found, TaggingDataModule, given, where)
        for place in PLACES:  # a cell may be run again from another directory
            if params.get(place):
                params[place] = str(Path(params[place]).expanduser().resolve())
        return cls(name, file.class_path, found, params)

    def module(self, root: Path, **loading: Any) -> TaggingDataModule:
        """Build the DataModule.

        Args:
            root: Folder of all prepared corpora.
            **loading: Window, batch size and the like, see :class:`TaggingDataModule`.
        """
        return self.cls(root=root, **self.params, **loading)


@dataclass(frozen=True)
class Plan:
    """The cells of one dataset, in the order in which they are listed, trained and scored."""

    dataset: str
    preset: str
    training: tuple[Cell, ...]
    evaluations: tuple[Cell, ...]
    contract: str
    """Canonical text of what every row of one leaderboard must share."""


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
    recipe = recipe_here(preset.training()).model_dump(mode="json", exclude={"name"})
    windows = preset.windows.model_dump(mode="json")
    task = corpus.task if corpus.tags else imported[0].science.task
    common = {"dataset": dataset.name, "task": task, "preset": preset_name}
    launch = {"dataset_class": dataset.class_path, "dataset_params": dataset.params}
    training = [
        Cell(
            TrainScience(architecture=model.architecture, inputs=inputs, recipe=recipe, seed=seed),
            {**common, "model": model.name, "seed": seed},
            {**launch, "model_class": model.class_path},
        )
        for model in models
        for seed in experiment.seeds
    ]
    for model in imported:
        model.check_fits(dataset.name, corpus)
        labels = {**common, "model": model.name, "seed": 0}
        training.append(Cell(model.science, labels, {"folder": str(model.folder.resolve())}))
    known = catalogue()
    evaluations = [
        Cell(
            EvalScience(
                train=cell.id,
                inputs=inputs,
                perturbation=heard(condition, known, preset.perturbation_seed),
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


def recipe_here(recipe: Recipe) -> Recipe:
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


def heard(condition: Condition, known: Catalogue, seed: int) -> PerturbationScience | ChainScience:
    """Return what decides what the models hear under a condition: of a chain, of each link.

    Args:
        condition: From :func:`~benchmark.perturbations.resolve`.
        known: The catalogue.
        seed: Of the perturbations.
    """
    if not condition.links:
        return _perturbation(condition, known, seed)
    return ChainScience(links=[_perturbation(c, known, seed) for c in condition.links], seed=seed)


def _perturbation(condition: Condition, known: Catalogue, seed: int) -> PerturbationScience:
    if condition == CLEAN:
        # The seed does not touch clean audio: one clean evaluation serves every seed.
        return PerturbationScience(
            name="clean", family="clean", level=0.0, protocol="suite", revision=1, engine={}, seed=0
        )
    identity = known[condition.perturbation].identity()
    return PerturbationScience(
        name=condition.perturbation,
        family=condition.family,
        level=condition.level,
        protocol=condition.protocol,
        revision=identity["revision"],
        engine=identity["engine"],
        seed=seed,
    )
