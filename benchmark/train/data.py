"""The data of a training cell: its labelled dataset and the other datasets that its stage reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities.combined_loader import CombinedLoader
from torch.utils.data import DataLoader

from benchmark.augmentations.catalogue import resolve
from benchmark.config.classes import import_class
from benchmark.config.datasets import data_module
from benchmark.config.identity import canonical
from benchmark.config.targets import resolve_target
from benchmark.plan.jobs import Runtime
from datamodules.base import Batch, TaggingDataModule
from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Float32
from datamodules.labels.targets.base import TargetSource
from datamodules.loaders.augmentation import Augmentation
from lightning_modules.base import TaggingModule
from lightning_modules.inputs import InputSpec
from lightning_modules.stages.base import GradientStage
from lightning_modules.training.recipe import Recipe


class CellData:
    """Data of a training cell; a `lightning_modules.stages.base.TrainingData`.

    Args:
        labelled: The dataset of the cell.
        sources: Other datasets, by the parameter of the stage that names them.
        augmentations: Augmentations, by the parameter of the stage that names them.
        targets: Target sources, by name.
    """

    def __init__(
        self,
        labelled: TaggingDataModule,
        sources: Mapping[str, TaggingDataModule],
        augmentations: Mapping[str, Augmentation],
        targets: Mapping[str, TargetSource] = MappingProxyType({}),
    ) -> None:
        self.labelled = labelled
        self.sources = sources
        self.augmentations = augmentations
        self.targets = targets

    @property
    def modules(self) -> tuple[TaggingDataModule, ...]:
        """The data modules of all datasets."""
        return (self.labelled, *self.sources.values())

    def prepare(self) -> None:
        """Prepare the corpora; compute the view of the model, and fit targets, where missing."""
        for module in self.modules:
            module.prepare_data()
        if self.labelled.view is not None and self.labelled.view.stored:
            self.labelled.stored_view("train", "valid")
            for source in self.sources.values():
                source.stored_view(source.corpus.pool)
        _ = self._auxiliary

    @cached_property
    def _auxiliary(self) -> dict[str, Float32]:
        """Targets of the training tracks of the labelled dataset (N, K), by name."""
        sources = self.targets.items()
        return {name: self.labelled.fitted_targets(source) for name, source in sources}

    def crops(
        self,
        source: str | None = None,
        *,
        crops: int = 1,
        batch_size: int | None = None,
        steps: int | None = None,
        augment: str | None = None,
        keep_clean: bool = False,
        auxiliary: bool = False,
    ) -> DataLoader[Batch]:
        """Return batches of random windows; see `TrainingData.crops`."""
        module = self.labelled if source is None else self.sources[source]
        return module.crops(
            split="train" if source is None else module.corpus.pool,
            crops=crops,
            batch_size=batch_size,
            steps=steps,
            augmentation=None if augment is None else self.augmentations.get(augment),
            keep_clean=keep_clean,
            auxiliary=self._auxiliary if auxiliary and source is None else {},
        )

    def n_tracks(self, source: str | None = None) -> int:
        """Return the number of tracks that `crops` reads from a source."""
        corpus = (self.labelled if source is None else self.sources[source]).corpus
        return len(corpus.rows("train" if source is None else corpus.pool))


class StageLoaders(pl.LightningDataModule):
    """The loaders that a stage asks for, as Lightning expects them.

    Args:
        stage: The stage.
        data: Data of the cell.

    Attributes:
        first_epoch: First epoch of a resumed training.
    """

    def __init__(self, stage: GradientStage, data: CellData) -> None:
        super().__init__()
        self.stage = stage
        self.data = data
        self.first_epoch = 0

    def train_dataloader(self) -> CombinedLoader:
        """Return the training batches of the stage, by name."""
        for module in self.data.modules:
            module.trainer, module.first_epoch = self.trainer, self.first_epoch
        return CombinedLoader(dict(self.stage.loaders(self.data)), "min_size")

    def val_dataloader(self) -> DataLoader[Batch] | list[Any]:
        """Return the validation batches of the stage; none if the last epoch is the result."""
        loader = self.stage.valid_loader(self.data)
        return [] if loader is None else loader


def cell_data(
    document: Mapping[str, Any], recipe: Recipe, runtime: Runtime, *, rank: int = 0, world: int = 1
) -> CellData:
    """Return the data of a training cell, prepared.

    Args:
        document: Content of its ``cell.json``.
        recipe: Its recipe.
        runtime: How and where it runs.
        rank: Number of this process among those that train the cell.
        world: Number of these processes.

    Raises:
        TagbenchError: A dataset or an augmentation is not the one that was planned.
    """
    preimage, launch = document["preimage"], document["launch"]
    stage, planned = launch["stage"], preimage.get("stage") or {}
    view = cell_spec(document).view
    if view is not None and canonical(view.identity()) != canonical(
        preimage["architecture"].get("view", {})
    ):
        raise _changed("view", view.name)

    def module(which: Mapping[str, Any]) -> TaggingDataModule:
        return data_module(
            which,
            Path(runtime.data_root),
            window=preimage["architecture"]["window"],
            model_rate=preimage["architecture"]["sample_rate"],
            view=view,
            batch_size=recipe.batch_size,
            seed=preimage["seed"],
            # On a CPU, reading windows is fast, and workers would compete with the model for cores.
            workers=runtime.workers if runtime.device.startswith("cuda") else 0,
            valid_windows=recipe.valid_windows,
            rank=rank,
            world=world,
        )

    chains = {name: resolve(stage["params"][name]) for name in planned.get("augmentations", {})}
    for name, chain in chains.items():
        if chain.identity() != planned["augmentations"][name]:
            raise _changed("augmentation", stage["params"][name])
    sources = {name: module(which) for name, which in stage.get("sources", {}).items()}
    targets = {name: resolve_target(name) for name in _planned_targets(stage, planned)}
    data = CellData(module(launch), sources, chains, targets)
    data.prepare()
    _check_unchanged(data, stage, planned)
    return data


def cell_spec(document: Mapping[str, Any]) -> InputSpec:
    """Return what the model of a training cell sees of a track.

    Args:
        document: Content of its ``cell.json``.
    """
    launch = document["launch"]
    cls = import_class(launch["model_class"], TaggingModule, f"cell {document['id']}")
    params = document["preimage"]["architecture"]["params"]
    spec: InputSpec = cls.input_spec(**params, **launch.get("model_params", {}))
    return spec


def _check_unchanged(data: CellData, stage: Mapping[str, Any], planned: Mapping[str, Any]) -> None:
    """Raise a `TagbenchError` if a dataset or a target source is not the one that was planned."""
    for name, source in data.sources.items():
        if source.corpus.manifest_digest != planned["sources"][name]["manifest"]:
            raise _changed("dataset", stage["params"][name])
    for name, identity in _planned_targets(stage, planned).items():
        if data.targets[name].identity_in(data.labelled.corpus) != identity:
            raise _changed("target source", name)


def _planned_targets(
    stage: Mapping[str, Any], planned: Mapping[str, Any]
) -> dict[str, Mapping[str, Any]]:
    """Return the identities of the target sources of a stage, by name."""
    return {
        name: identity
        for parameter, identities in planned.get("targets", {}).items()
        for name, identity in zip(stage["params"][parameter], identities, strict=True)
    }


def _changed(kind: str, name: str) -> TagbenchError:
    return TagbenchError(
        f"The {kind} {name!r} has changed since the cell was planned. Plan again: tagbench run"
    )
