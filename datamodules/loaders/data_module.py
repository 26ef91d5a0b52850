"""`LoadingModule`: the loaders of a prepared corpus."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from datamodules.common.cpus import usable_cpus
from datamodules.common.errors import TagbenchError
from datamodules.common.parameters import check_minimum
from datamodules.common.progress import Progress, Silent
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.labels.targets.base import TargetSource
from datamodules.labels.targets.fitted import fitted_targets
from datamodules.loaders.augmentation import Augmentation
from datamodules.loaders.bags import BagCrops, BagPlan, BagWindows, label_bags, members_of
from datamodules.loaders.batch import Batch, WindowSpec, whole_batch
from datamodules.loaders.batch_plan import BatchPlan, EpochBatches
from datamodules.loaders.evaluation_windows import EvaluationWindows
from datamodules.loaders.start_method import start_method
from datamodules.loaders.training_crops import TrainingCrops
from datamodules.loaders.triplets import TripletCrops, TripletPlan
from datamodules.loaders.windowing import Windowing
from datamodules.views.base import View
from datamodules.views.build import build_view
from datamodules.views.rows import StoredRows


class LoadingModule(pl.LightningDataModule, ABC):
    """Base of every dataset, as far as it reads a prepared corpus.

    Args:
        root: Folder that holds prepared corpora, one folder each.
        window: What a model sees at once: samples at the rate of the model, or rows of the view.
        model_rate: Sample rate of the model in Hz; by default that of the corpus.
        view: View that the model sees in place of the samples.
        batch_size: Number of tracks in a training batch.
        seed: Seed of the order of tracks and of the position of windows in training.
        workers: Number of processes that load data; 0 loads in this process.
        windowing: Windows of a track in evaluation.
        valid_windows: Largest number of windows of a track in validation.
        rank: Number of this process among those that train one model together.
        world: Number of these processes, which share each batch.

    Attributes:
        progress: Receives the progress of a preparation; shows nothing by default.
        first_epoch: First epoch of a resumed training. Its loaders start to read before Lightning
            has restored the epoch.
    """

    name: str
    sample_rate: int

    def __init__(
        self,
        *,
        root: str | Path,
        window: int = 59049,
        model_rate: int | None = None,
        view: View | None = None,
        batch_size: int = 16,
        seed: int = 0,
        workers: int = 0,
        windowing: Windowing = Windowing(),  # noqa: B008  frozen
        valid_windows: int | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__()
        check_minimum(1, window=window, model_rate=model_rate, batch_size=batch_size)
        check_minimum(1, valid_windows=valid_windows)
        check_minimum(0, workers=workers)
        self.root = Path(root)
        self.window = window
        self.model_rate = model_rate or self.sample_rate
        self.view = view
        self.batch_size = batch_size
        self.seed = seed
        self.workers = workers
        self.windowing = windowing
        self.valid_windows = valid_windows
        self.rank = rank
        self.world = world
        self.first_epoch = 0
        self.progress: Progress = Silent()

    @property
    @abstractmethod
    def corpus(self) -> Corpus:
        """The prepared corpus."""

    @property
    def spec(self) -> WindowSpec:
        """What the model sees at once."""
        return WindowSpec(self.window, self.model_rate, self.view)

    def stored_view(self, *splits: str) -> StoredRows:
        """Return the rows of the view of whole tracks, which are computed where they are missing.

        Args:
            splits: Names of the splits, one after the other.

        Raises:
            TagbenchError: The model sees samples.
        """
        if self.view is None:
            raise TagbenchError(f"Dataset {self.name!r}: the model sees samples and not a view.")
        rows = np.concatenate([self.corpus.rows(split) for split in splits])
        workers = self.workers or usable_cpus()
        return build_view(self.corpus, self.view, rows, workers=workers, progress=self.progress)

    def track_features(self, split: str) -> Float32:
        """Return the view of each track of a split, the mean over its rows: ``(N, width)``."""
        return np.stack([rows.mean(axis=0) for rows in self.stored_view(split)])

    def fitted_targets(self, source: TargetSource) -> Float32:
        """Return targets beyond tags of the training tracks, which are fitted where missing.

        Returns:
            float32 of shape ``(N, K)``, in the order of the split; see `fitted_targets`.
        """
        workers = self.workers or usable_cpus()
        return fitted_targets(self.corpus, source, workers=workers, progress=self.progress)

    def current_epoch(self) -> int:
        """Return the epoch whose windows `train_dataloader` yields next; 0 without a trainer."""
        epoch = 0 if self.trainer is None else int(self.trainer.current_epoch)
        return max(epoch, self.first_epoch)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return batches of one random window a track; drop an incomplete batch if others exist."""
        return self.crops()

    def crops(
        self,
        *,
        split: str = "train",
        crops: int = 1,
        batch_size: int | None = None,
        steps: int | None = None,
        augmentation: Augmentation | None = None,
        keep_clean: bool = False,
        auxiliary: Mapping[str, Float32] = MappingProxyType({}),
    ) -> DataLoader[Batch]:
        """Return batches of random windows.

        Args:
            split: Name of the split.
            crops: Windows of each track in a batch.
            batch_size: Tracks in a batch, over all processes that train the model; by default that
                of the data module.
            steps: Batches in an epoch; by default one pass over the tracks, whose incomplete last
                batch is dropped if there are others.
            augmentation: Changes each window.
            keep_clean: Whether batches also have the windows before augmentation.
            auxiliary: Targets beyond tags of each track of the split (N, K), by the names under
                which batches have them as ``auxiliary``.
        """
        clips = TrainingCrops(
            self.corpus, self.spec, self.seed, split, augmentation, keep_clean, auxiliary
        )
        self._check_split(split, len(clips))
        size = batch_size or self.batch_size
        plan = BatchPlan(len(clips), size, self.seed, crops, steps, self.rank, self.world)
        sampler = EpochBatches(plan, self.current_epoch)
        return self._loader(clips, batch_sampler=sampler)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the windows of whole validation tracks, at most ``valid_windows`` of each."""
        return self._eval_loader("valid", self.valid_windowing)

    def bags(
        self, by: Sequence[str], *, batch_size: int | None = None, most: int | None = None
    ) -> DataLoader[Batch]:
        """Return training batches of whole bags, with one random window of each track.

        The tracks of a bag have equal labels. A batch states the bag of each track as ``bag``.

        Args:
            by: Columns of the manifest whose values the tracks of a bag share; see `Corpus.bags`.
            batch_size: Bags in a batch, over all processes that train the model; by default that
                of the data module.
            most: Largest number of tracks of a bag in a batch; None for all.
        """
        self._check_split("train", len(self.corpus.rows("train")))
        bags = label_bags(self.corpus, "train", by)
        crops = BagCrops(TrainingCrops(self.corpus, self.spec, self.seed), bags)
        size = batch_size or self.batch_size
        plan = BagPlan(members_of(bags), size, self.seed, most, self.rank, self.world)
        return self._loader(crops, batch_sampler=EpochBatches(plan, self.current_epoch))

    def triplets(
        self, tags: Sequence[int], *, draws: int | None = None, balanced: bool = True
    ) -> DataLoader[Batch]:
        """Return training batches of random windows of tracks that are drawn for tags.

        A batch states the tag of each window as ``anchors``; see `TripletPlan`.

        Args:
            tags: Numbers of the tags that tracks are drawn for.
            draws: Draws in an epoch; by default as many as there are tracks.
            balanced: Whether the tags are drawn in turn; otherwise the tracks are drawn first.
        """
        targets = self.corpus.targets("train")
        self._check_split("train", len(targets))
        songs = [np.flatnonzero(targets[:, tag]) for tag in tags]
        share = (balanced, self.rank, self.world)
        size = draws or len(targets)
        plan = TripletPlan(songs, len(targets), size, self.batch_size, self.seed, *share)
        crops = TripletCrops(TrainingCrops(self.corpus, self.spec, self.seed), tags, self.seed)
        return self._loader(crops, batch_sampler=EpochBatches(plan, self.current_epoch))

    def valid_bags(self, by: Sequence[str]) -> DataLoader[Batch]:
        """Return the windows of all validation tracks, in batches of whole bags; see `bags`."""
        self._check_split("valid", len(self.corpus.rows("valid")))
        bags = label_bags(self.corpus, "valid", by)
        shape = (self.valid_windowing, self.batch_size, self.rank, self.world, members_of(bags))
        windows = EvaluationWindows(self.corpus, "valid", self.spec, *shape)
        return self._loader(BagWindows(windows, bags), batch_size=None)

    @property
    def valid_windowing(self) -> Windowing:
        """Windows of a track in validation."""
        if self.valid_windows is None:
            return self.windowing
        return replace(self.windowing, max_windows=self.valid_windows)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return the windows of whole test tracks."""
        return self._eval_loader("test", self.windowing)

    def _eval_loader(self, split: str, windowing: Windowing) -> DataLoader[Batch]:
        self._check_split(split, len(self.corpus.rows(split)))
        shape = (windowing, self.batch_size, self.rank, self.world)
        tracks = EvaluationWindows(self.corpus, split, self.spec, *shape)
        return self._loader(tracks, batch_size=None)

    def _loader(self, dataset: Dataset[Batch], **options: Any) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            multiprocessing_context=start_method(self.workers),
            pin_memory=torch.cuda.is_available(),
            collate_fn=whole_batch,
            # A separate generator, so that iteration does not change the random state of training.
            generator=torch.Generator().manual_seed(0),
            **options,
        )

    def _check_split(self, split: str, size: int) -> None:
        if size == 0:
            raise TagbenchError(
                f"Dataset {self.name!r} has no {split} track. Rejected tracks and the "
                f"reasons are listed in {self.corpus.root / 'rejected.csv'}."
            )
