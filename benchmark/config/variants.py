"""Models of a matrix that differ from a model file only in the augmentation of their training.

``fcn+pitch_shift`` names the model file ``fcn``, trained with the augmentation
``family:pitch_shift``. Such a variant needs no file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmark.augmentations.catalogue import FAMILY, resolve
from benchmark.augmentations.perturbed import FamilyLevels
from benchmark.config.schema import ModelFile, StageFile
from benchmark.experiment_files import find, load, names
from datamodules.common.errors import TagbenchError

SEPARATOR = "+"
"""Stands between the model and the augmentation."""

PARAMETER = "augment"
"""Parameter of the stage that names the augmentation."""


def load_model(name: str) -> tuple[str, ModelFile]:
    """Read a model of a matrix.

    Args:
        name: Name or path of a model file; with ``+`` and an augmentation, the same model trained
            with it. The augmentation is a name that the parameter ``augment`` of a stage accepts,
            or a family of perturbations without the prefix ``family:``.

    Returns:
        The label of the model and its file.

    Raises:
        TagbenchError: There is no such file or augmentation, or a file does not validate.
    """
    base, separator, augmentation = name.rpartition(SEPARATOR)
    if not separator or not augmentation or Path(name).is_file():
        return Path(name).stem, load(find("models", name), ModelFile)
    file = load(find("models", base), ModelFile)
    stage = file.stage or StageFile()
    selection = _selection(augmentation)
    resolve(selection)  # so that an unknown name is reported before a corpus is prepared
    params = {**stage.params, PARAMETER: selection}
    label = f"{Path(base).stem}{SEPARATOR}{augmentation_label(selection)}"
    varied = stage.model_copy(update={"params": params})
    return label, file.model_copy(update={"stage": varied})


def load_models(selected: list[str]) -> Mapping[str, ModelFile]:
    """Read the models of a matrix, by label.

    Raises:
        TagbenchError: A file cannot be read, or two different variants have one label.
    """
    models: dict[str, ModelFile] = {}
    for name in dict.fromkeys(selected):
        label, file = load_model(name)
        if SEPARATOR in name and models.get(label, file) != file:
            raise TagbenchError(
                f"Two models of the matrix are called {label!r}. Rename one of the augmentations."
            )
        models[label] = file
    return models


def augmentation_label(selection: str) -> str:
    """Return the short name of an augmentation: ``family:pitch_shift`` becomes ``pitch_shift``."""
    return Path(selection.removeprefix(FAMILY)).stem


def _selection(augmentation: str) -> str:
    """Return the augmentation as a stage names it."""
    if augmentation in names("augmentations") or augmentation not in FamilyLevels.known():
        return augmentation
    return FAMILY + augmentation
