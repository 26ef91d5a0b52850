"""Models of a matrix that differ from a model file in parameters or in their augmentation.

``fcn+pitch_shift`` names the model file ``fcn``, trained with the augmentation
``family:pitch_shift``, and ``fma_svm[sets=mfcc]`` the file ``fma_svm`` with another value of a
parameter. Such a variant needs no file of its own. See :mod:`benchmark.config.variant_text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmark.augmentations.catalogue import FAMILY, resolve
from benchmark.augmentations.perturbed import FamilyLevels
from benchmark.config.schema import ModelFile, StageFile
from benchmark.config.variant_text import SEPARATOR, Variant, parameter_text
from benchmark.experiment_files import find, load, names
from datamodules.common.errors import TagbenchError

PARAMETER = "augment"
"""Parameter of the stage that names the augmentation."""


def load_model(name: str) -> tuple[str, ModelFile]:
    """Read a model of a matrix.

    Args:
        name: Name or path of a model file; with parameters in brackets, the same model with these;
            with ``+`` and an augmentation, the same model trained with it. The augmentation is a
            name that the parameter ``augment`` of a stage accepts, or a family of perturbations
            without the prefix ``family:``.

    Returns:
        The label of the model and its file. Parameters that have the value of the file are not part
        of the label.

    Raises:
        TagbenchError: There is no such file or augmentation, or a file does not validate.
    """
    if Path(name).is_file():
        stem = Path(name).stem
        return stem, load(find("models", name), ModelFile).named(stem)
    variant = Variant.parse(name)
    file = load(find("models", variant.model), ModelFile)
    changed = {
        key: value
        for key, value in variant.params.items()
        if key not in file.params or file.params[key] != value
    }
    stem = Path(variant.model).stem
    label = stem + parameter_text(changed)
    file = file.named(stem).model_copy(update={"params": {**file.params, **changed}})
    if variant.augment:
        selection = _selection(variant.augment)
        label += SEPARATOR + augmentation_label(selection)
        file = _augmented(file, selection)
    return variant.name or label, file


def load_models(selected: list[str]) -> Mapping[str, ModelFile]:
    """Read the models of a matrix, by label.

    Raises:
        TagbenchError: A file cannot be read, or two different models have one label.
    """
    models: dict[str, ModelFile] = {}
    for name in dict.fromkeys(selected):
        label, file = load_model(name)
        if models.get(label, file) != file:
            raise TagbenchError(
                f"Two models of the matrix are called {label!r}. Rename one of the files, or give "
                "one of the models a name: NAME=MODEL"
            )
        models[label] = file
    return models


def augmentation_label(selection: str) -> str:
    """Return the short name of an augmentation: ``family:pitch_shift`` becomes ``pitch_shift``."""
    return Path(selection.removeprefix(FAMILY)).stem


def _augmented(file: ModelFile, selection: str) -> ModelFile:
    """Return a model file with an augmentation of its training."""
    resolve(selection)  # so that an unknown name is reported before a corpus is prepared
    stage = file.stage or StageFile()
    varied = stage.model_copy(update={"params": {**stage.params, PARAMETER: selection}})
    return file.model_copy(update={"stage": varied})


def _selection(augmentation: str) -> str:
    """Return the augmentation as a stage names it."""
    if augmentation in names("augmentations") or augmentation not in FamilyLevels.known():
        return augmentation
    return FAMILY + augmentation
