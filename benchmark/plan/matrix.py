"""A matrix with every name checked, before any model or dataset is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.config.schema import BenchmarkFile, DatasetFile, ModelFile, Preset
from benchmark.config.variants import load_models
from benchmark.experiment_files import find, load
from benchmark.perturbations import CLEAN, Condition, resolve
from datamodules.common.errors import TagbenchError


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
    aliases: tuple[Path, ...] = ()
    """Tables of tags that mean the same, beside the reviewed one."""

    @property
    def n_training(self) -> int:
        """Number of training cells."""
        return len(self.datasets) * len(self.models) * len(self.seeds)

    @property
    def n_evaluations(self) -> int:
        """Number of evaluation cells, if each model is evaluated under each condition."""
        return sum(map(self.n_evaluations_on, self.datasets))

    def n_evaluations_on(self, dataset: str) -> int:
        """Return the number of evaluation cells of one dataset, see `n_evaluations`."""
        n_models = len(self.models) * len(self.seeds) + len(self.checkpoints)
        return n_models * len(self.conditions[dataset])


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
    models = load_models(benchmark.models)
    checkpoints = {Path(name).resolve().name: Path(name) for name in benchmark.checkpoints}
    if not models and not checkpoints:
        raise TagbenchError("The matrix has no model. Name models with --models or --checkpoints.")
    if twice := sorted(set(models) & set(checkpoints)):
        raise TagbenchError(
            f"{', '.join(twice)} names both a model to train and a checkpoint. Rename the folder "
            "of the checkpoint."
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
    aliases = tuple(Path(name) for name in benchmark.tag_aliases)
    return Experiment(datasets, models, checkpoints, seeds, presets, conditions, aliases)
