"""Tables of the names that the command line accepts: ``tagbench list``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.table import Table

from benchmark.config.schema import BenchmarkFile, DatasetFile, ModelFile, Preset
from benchmark.experiment_files import find, load, names

if TYPE_CHECKING:
    from benchmark.perturbations import Perturbation


def _models() -> Table:
    table = Table("model", "architecture", "class", "parameters", title="Models")
    for name in names("models"):
        file = load(find("models", name), ModelFile)
        table.add_row(name, file.title, file.class_path, _flags(file.params))
    return table


def _datasets() -> Table:
    table = Table("dataset", "what", "class", "parameters", "preset", title="Datasets")
    for name in names("datasets"):
        file = load(find("datasets", name), DatasetFile)
        table.add_row(name, file.title, file.class_path, _flags(file.params), file.preset)
    return table


def _perturbations() -> Table:
    from benchmark.perturbations import catalogue

    table = Table("perturbation", "family", "levels", "unit", "selected by", title="Perturbations")
    for name, perturbation in catalogue().items():
        levels = ", ".join(f"{level:.4g}" for level in perturbation.levels)
        words = ", ".join(_selected_by(perturbation))
        table.add_row(name, perturbation.family, levels, perturbation.unit, words)
    table.caption = (
        "Select by name, name:3 or name:1+5, by family, or by a word of the last column; "
        "chain perturbations with 'compression:3>white_noise:2'."
    )
    return table


def _selected_by(perturbation: Perturbation) -> list[str]:
    """Return the groups and profiles that select a perturbation, with its severities if not all."""
    from benchmark.perturbations import PROFILES

    words = ["all"] if perturbation.default else []
    for profile, severities in PROFILES.items():
        numbers = severities.get(perturbation.name, ())
        whole = len(numbers) == len(perturbation.levels)
        at = "" if whole else f" ({'+'.join(map(str, numbers))})"
        words += [f"{profile}{at}"] if numbers else []
    return [*words, perturbation.protocol]


def _augmentations() -> Table:
    from benchmark.augmentations import resolve
    from benchmark.augmentations.catalogue import FAMILY
    from benchmark.augmentations.perturbed import FamilyLevels

    table = Table("augmentation", "transforms and their probabilities", title="Augmentations")
    for name in (*names("augmentations"), *(FAMILY + family for family in FamilyLevels.known())):
        chain = resolve(name)
        table.add_row(name, ", ".join(f"{step.label} {step.p:g}" for step in chain.transforms))
    return table


def _targets() -> Table:
    from benchmark.config.targets import TargetFile

    table = Table("targets", "class", "parameters", title="Targets beyond tags")
    for name in names("targets"):
        file = load(find("targets", name), TargetFile)
        table.add_row(name, file.class_path.rpartition(".")[2], _flags(file.params))
    return table


def _presets() -> Table:
    table = Table("preset", "recipe", "epochs", "windows", "perturbations", title="Presets")
    for name in names("presets"):
        preset = load(find("presets", name), Preset)
        recipe = preset.training()
        windows = preset.windows.protocol
        if preset.windows.max_windows:
            windows += f", at most {preset.windows.max_windows}"
        levels = "+".join(str(level) for level in preset.severities)
        conditions = f"{', '.join(preset.perturbations)} at {levels}"
        table.add_row(name, recipe.name, str(recipe.epochs), windows, conditions)
    return table


def _benchmarks() -> Table:
    from benchmark.config.variants import load_models

    table = Table("benchmark", "datasets", "models", "seeds", title="Benchmarks")
    for name in names("benchmarks"):
        file = load(find("benchmarks", name), BenchmarkFile)
        seeds = ", ".join(str(seed) for seed in file.seeds)
        table.add_row(name, ", ".join(file.datasets), ", ".join(load_models(file.models)), seeds)
    return table


def _flags(params: dict[str, object]) -> str:
    return " ".join(f"{key}={value}" for key, value in params.items())


KINDS: dict[str, Callable[[], Table]] = {
    "models": _models,
    "datasets": _datasets,
    "perturbations": _perturbations,
    "augmentations": _augmentations,
    "targets": _targets,
    "presets": _presets,
    "benchmarks": _benchmarks,
}


def listing(kind: str, full: bool = False) -> Table:
    """Return the table of one kind of names.

    Args:
        kind: One of ``KINDS``.
        full: Return the cards of models and datasets, which imports their classes.
    """
    if full and kind == "models":
        from benchmark.catalog.model_cards import table

        return table()
    if full and kind == "datasets":
        from benchmark.catalog.dataset_cards import table as datasets

        return datasets()
    return KINDS[kind]()
