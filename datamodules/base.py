"""`TaggingDataModule`: the base class that prepares and loads any dataset."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from datamodules.common.canonical_json import canonical_json
from datamodules.common.cpus import usable_cpus
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.parameters import check_minimum, literal_values, own_parameters
from datamodules.common.progress import Progress, Silent
from datamodules.corpus.completeness import Expected
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.prepare import prepare
from datamodules.corpus.track import Track
from datamodules.labels.perturbed_tags import Changes, by_category, within
from datamodules.loaders.augmentation import Augmentation
from datamodules.loaders.batch import Batch, WindowSpec, whole_batch
from datamodules.loaders.batch_plan import BatchPlan, EpochBatches
from datamodules.loaders.evaluation_windows import EvaluationWindows
from datamodules.loaders.options import Loading
from datamodules.loaders.training_crops import TrainingCrops
from datamodules.loaders.windowing import Windowing

USUAL_SAMPLE_RATE = 16000
"""Sample rate in Hz of a corpus whose identity names none."""

__all__ = ["Batch", "Loading", "TaggingDataModule"]


class TaggingDataModule(pl.LightningDataModule, ABC):
    """Base of every dataset.

    A subclass sets the class attributes, takes its own parameters by keyword, stores each under its
    own name (``self.tracks = tracks``), forwards the rest as ``**loading: Unpack[Loading]``, and
    implements `build_manifest` and `tags`. Its parameters determine `corpus_root`.

    Args:
        root: Folder that holds prepared corpora, one folder each.
        window: Samples that a model sees at once, at the rate of the model.
        model_rate: Sample rate of the model in Hz; by default that of the corpus.
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
    task: Literal["multilabel", "singlelabel"] = "multilabel"
    sample_rate: ClassVar[int] = USUAL_SAMPLE_RATE
    revision: ClassVar[int] = 1
    licence: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    access: ClassVar[str] = ""
    homepage: ClassVar[str] = ""
    playable: ClassVar[bool] = False
    """Whether the licence allows a report to contain clips of the audio."""
    tags_changed_by: ClassVar[Changes] = {}
    """Tags that a family of perturbations may change, see `datamodules.labels.perturbed_tags`."""
    categories: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Tags by category, such as genre, instrument, mood, voice."""

    def __init__(
        self,
        *,
        root: str | Path,
        window: int = 59049,
        model_rate: int | None = None,
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
        self.batch_size = batch_size
        self.seed = seed
        self.workers = workers
        self.windowing = windowing
        self.valid_windows = valid_windows
        self.rank = rank
        self.world = world
        self.first_epoch = 0
        self.progress: Progress = Silent()
        self._corpus: Corpus | None = None

    @abstractmethod
    def build_manifest(self) -> Sequence[Track]:
        """Return every track of the dataset with its split, from annotations only."""

    @property
    @abstractmethod
    def tags(self) -> tuple[str, ...]:
        """The classes, in the order of the columns of the targets."""

    @property
    def expected(self) -> Expected | None:
        """Size and digest of the published split; None for a dataset without one."""
        return None

    def supply(self, missing: Sequence[Track]) -> Iterator[Sequence[Track]]:
        """Make the audio of tracks available, and yield the tracks in groups that can be read.

        Datasets that download audio override this method; see `datamodules.corpus.prepare.prepare`.
        """
        yield missing

    def identity(self) -> Mapping[str, Any]:
        """Return the parameters that determine the corpus, as JSON values.

        By default, these are the keyword arguments of the class that are not in `Loading`. A
        dataset with a path as a parameter overrides this with the content of the path.
        """
        names: dict[str, None] = {}
        for cls in type(self).__mro__:
            if cls is TaggingDataModule:
                break
            if "__init__" in cls.__dict__:
                names.update(dict.fromkeys(own_parameters(cls, skipped=Loading.__annotations__)))
        return {name: getattr(self, name) for name in sorted(names)}

    def unstable_tags(self, tags: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return those of ``tags`` that each family of perturbations may change."""
        return within(self.tags_changed_by, tags)

    def tag_categories(self, tags: Sequence[str]) -> dict[str, str]:
        """Return the category of each of ``tags`` that has one."""
        return by_category(self.categories, tags)

    def check_choices(self, **values: object) -> None:
        """Check parameters of the class against the ``Literal`` types of its signature.

        Args:
            values: Values of the parameters, by name.

        Raises:
            TagbenchError: If a value is not one of the values of its type.
        """
        for name, value in values.items():
            valid = literal_values(type(self), name)
            if value not in valid:
                kind, where = name.replace("_", " "), f"{self.name}: {name}"
                raise unknown_name(kind, str(value), [str(choice) for choice in valid], where)

    @property
    def params_key(self) -> str:
        """12 hexadecimal digits, a digest of `identity`, the sample rate and the class's revision.

        The digest does not include a sample rate of 16 kHz.
        """
        decisive = {"revision": self.revision, "params": self.identity()}
        if self.sample_rate != USUAL_SAMPLE_RATE:
            decisive["sample_rate"] = self.sample_rate
        text = canonical_json(decisive)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def corpus_root(self) -> Path:
        """Folder of the prepared corpus."""
        return self.root / f"{self.name}-{self.params_key}"

    @property
    def corpus(self) -> Corpus:
        """The prepared corpus.

        Raises:
            TagbenchError: If it has not been prepared.
        """
        if self._corpus is None:
            self._corpus = Corpus.open(self.corpus_root)
        return self._corpus

    def prepare_data(self) -> None:
        """Prepare the corpus, unless it is complete."""
        if self._corpus is not None:
            return
        # Another variant of the dataset may contain most of the audio.
        donors = sorted(self.root.glob(f"{self.name}-*/"))
        self._corpus = prepare(
            self.build_manifest(),
            self.corpus_root,
            name=self.name,
            tags=self.tags,
            task=self.task,
            sample_rate=self.sample_rate,
            workers=self.workers or usable_cpus(),
            progress=self.progress,
            donors=donors,
            supply=self.supply,
        )

    def setup(self, stage: str) -> None:
        """Open the corpus."""
        _ = self.corpus

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
        """
        spec = WindowSpec(self.window, self.model_rate)
        clips = TrainingCrops(self.corpus, spec, self.seed, split, augmentation, keep_clean)
        self._check_split(split, len(clips))
        size = batch_size or self.batch_size
        plan = BatchPlan(len(clips), size, self.seed, crops, steps, self.rank, self.world)
        sampler = EpochBatches(plan, self.current_epoch)
        return self._loader(clips, batch_sampler=sampler)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the windows of whole validation tracks, at most ``valid_windows`` of each."""
        return self._eval_loader("valid", self.valid_windowing)

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
        spec, most = WindowSpec(self.window, self.model_rate), self.batch_size
        self._check_split(split, len(self.corpus.rows(split)))
        tracks = EvaluationWindows(self.corpus, split, spec, windowing, most, self.rank, self.world)
        return self._loader(tracks, batch_size=None)

    def _loader(
        self, dataset: TrainingCrops | EvaluationWindows, **options: Any
    ) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
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
                f"reasons are listed in {self.corpus_root / 'rejected.csv'}."
            )
