"""`TaggingDataModule`: the base class that prepares and loads any dataset."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from datamodules.common.canonical_json import canonical_json
from datamodules.common.cpus import usable_cpus
from datamodules.common.errors import unknown_name
from datamodules.common.parameters import check_minimum, literal_values, own_parameters
from datamodules.corpus.completeness import Expected
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.prepare import prepare
from datamodules.corpus.track import Track
from datamodules.labels.perturbed_tags import Changes, by_category, within
from datamodules.loaders.batch import Batch
from datamodules.loaders.data_module import LoadingModule
from datamodules.loaders.options import Loading, ReadOptions

USUAL_SAMPLE_RATE = 16000
"""Sample rate in Hz of a corpus whose identity names none."""

LOWEST_SAMPLE_RATE = 4000
"""Lowest sample rate in Hz of a corpus."""

__all__ = ["Batch", "Loading", "TaggingDataModule"]


class TaggingDataModule(LoadingModule):
    """Base of every dataset.

    A subclass sets the class attributes, takes its own parameters by keyword, stores each under its
    own name (``self.tracks = tracks``), forwards the rest as ``**loading: Unpack[Loading]``, and
    implements `build_manifest` and `tags`. Its parameters determine `corpus_root`.

    Args:
        root: Folder that holds prepared corpora, one folder each.
        corpus_rate: Sample rate in Hz of the corpus; by default that of the class.
        **reading: How the corpus is read, see `LoadingModule`.
    """

    name: str
    task: Literal["multilabel", "singlelabel"] = "multilabel"
    sample_rate: int = USUAL_SAMPLE_RATE
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
        corpus_rate: int | None = None,
        **reading: Unpack[ReadOptions],
    ) -> None:
        if corpus_rate is not None:
            check_minimum(LOWEST_SAMPLE_RATE, corpus_rate=corpus_rate)
            self.sample_rate = corpus_rate
        super().__init__(root=root, **reading)
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
