"""The model of a training cell, with the stage that trains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.config.classes import import_class
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import seed_for
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import GradientStage, Stage
from lightning_modules.stages.training_data import TrainingData
from lightning_modules.training.recipe import Recipe


def build_model(document: Mapping[str, Any], recipe: Recipe, n_tags: int) -> TaggingModule:
    """Build the model of a training cell with its initial weights.

    Args:
        document: Content of its ``cell.json``.
        recipe: Its recipe.
        n_tags: Number of outputs.
    """
    preimage, launch = document["preimage"], document["launch"]
    where = f"cell {document['id']}"
    model_class = import_class(launch["model_class"], TaggingModule, where)
    module: TaggingModule = model_class.build(
        seed=preimage["seed"],
        n_tags=n_tags,
        task=preimage["inputs"]["task"],
        recipe=recipe.model_dump(mode="json"),
        **preimage["architecture"]["params"],
        **launch.get("model_params", {}),
    )
    return module


def build_stage(document: Mapping[str, Any], store: Store) -> Stage:
    """Build the stage of a training cell, with its trained parents.

    Args:
        document: Content of its ``cell.json``.
        store: Results folder that holds the cells of the parents.

    Raises:
        TagbenchError: A parent is not trained, or a file that the stage reads has changed.
    """
    stage_class = _stage_class(document)
    params = document["launch"]["stage"]["params"]
    planned = (document["preimage"].get("stage") or {}).get("files", {})
    for name, content in stage_class.files(params).items():
        if content != planned.get(name):
            raise TagbenchError(
                f"The file that {name}: {params[name]} names has changed since the cell was "
                "planned. Plan again: tagbench run"
            )
    parents = {
        name: load_checkpoint(store.folder(parent))[0]
        for name, parent in document["preimage"].get("parents", {}).items()
    }
    built: Stage = stage_class(**params, parents=parents)
    return built


def is_gradient_stage(document: Mapping[str, Any]) -> bool:
    """Return whether a training cell is trained with gradients, which several devices can share."""
    return issubclass(_stage_class(document), GradientStage)


def _stage_class(document: Mapping[str, Any]) -> type[Stage]:
    return import_class(document["launch"]["stage"]["class"], Stage, f"cell {document['id']}")


def attach(stage: GradientStage, model: TaggingModule, data: TrainingData) -> None:
    """Prepare a model for a stage; the stage becomes a submodule of the model.

    The weights of layers that the stage adds depend on the seed of the model alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for("stage", model.seed))
        stage.prepare(model, data)
    model.stage = stage
