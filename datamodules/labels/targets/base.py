"""`TargetSource`: the base class of targets beyond tags, such as the topics of an artist.

Targets are fitted on the training tracks alone. A source sees no other track, and no other track
gets a target, so that nothing of the validation or test tracks can reach a training.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from datamodules.common.canonical_json import canonical_json, digest_rows
from datamodules.common.errors import unknown_name
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import COLUMNS, Float32
from datamodules.views.base import View
from datamodules.views.rows import StoredRows

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["distribution", "multihot", "vector"]
"""What a target is: probabilities with sum 1, values that are 0 or 1, or any numbers."""


@dataclass(frozen=True)
class TargetSource(ABC):
    """Targets of the training tracks of a corpus, from their metadata or from a view of them.

    A subclass is a frozen dataclass whose fields are its parameters, as JSON values.

    Attributes:
        name: Name of the source in identities and folders; it never changes.
        revision: Number to increase whenever a change alters the targets.
        kind: What a target is; it decides the loss.
    """

    name: ClassVar[str]
    revision: ClassVar[int] = 1
    kind: ClassVar[Kind]

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of values of a target, K."""

    @property
    def view(self) -> View | None:
        """View of the tracks that the source reads; None if it reads metadata only."""
        return None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the manifest that the source reads."""
        return ()

    @abstractmethod
    def fit(self, tracks: TrainingTracks) -> Float32:
        """Return the target of each training track.

        Args:
            tracks: The training tracks.

        Returns:
            float32 of shape ``(N, K)``. A track without a target has a row of NaN, and is left out
            of the loss.
        """

    def identity(self) -> dict[str, Any]:
        """Return everything that determines the targets beside the corpus, as JSON values."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        params = {name: list(v) if isinstance(v, tuple) else v for name, v in values}
        content = {"name": self.name, "revision": self.revision, "params": params}
        return content if self.view is None else {**content, "view": self.view.identity()}

    def identity_in(self, corpus: Corpus) -> dict[str, Any]:
        """Return `identity` with a digest of what the digests of a corpus do not cover.

        Those digests cover audio, labels and artists, but no further column of the manifest.

        Raises:
            TagbenchError: The corpus lacks a column.
        """
        further = [name for name in self.columns if name not in COLUMNS]
        if not further:
            return self.identity()
        tracks = TrainingTracks(corpus, self)
        values = zip(*(tracks.column(name) for name in further), strict=True)
        return {**self.identity(), "columns": digest_rows(map(list, values), *further)}

    def digest_in(self, corpus: Corpus) -> str:
        """Return 12 hexadecimal digits, a digest of what determines the targets in a corpus."""
        stored = str(corpus.info.get("samples_digest", ""))
        inputs = [corpus.manifest_digest, corpus.split_digest, stored]
        text = canonical_json([self.identity_in(corpus), inputs])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class TrainingTracks:
    """The training tracks of a corpus, as a `TargetSource` sees them.

    Args:
        corpus: A prepared corpus.
        source: The source, whose view must be stored before `rows` is read.
    """

    def __init__(self, corpus: Corpus, source: TargetSource) -> None:
        self._corpus = corpus
        self._source = source

    def __len__(self) -> int:
        return len(self._corpus.rows("train"))

    @property
    def artists(self) -> list[str]:
        """Artist of each track; empty where it is not known."""
        return self.column("artist")

    def column(self, name: str) -> list[str]:
        """Return a column of the manifest as text; empty where a track has no value.

        Raises:
            TagbenchError: The corpus has no such column.
        """
        if name not in self._frame.columns:
            where = f"dataset {self._corpus.name!r}, read by the target source {self._source.name}"
            raise unknown_name("column", name, list(self._frame.columns), where)
        values = self._frame[name]
        missing = values.isna()
        return ["" if none else str(value) for value, none in zip(values, missing, strict=True)]

    @cached_property
    def rows(self) -> StoredRows:
        """Rows of the view of each track.

        Raises:
            TagbenchError: The view has not been computed.
            ValueError: The source has no view.
        """
        view = self._source.view
        if view is None:
            raise ValueError(f"The target source {self._source.name!r} declares no view.")
        return StoredRows.open(self._corpus, view, self._corpus.rows("train"))

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return self._corpus.split("train")


def without_target(targets: Float32) -> npt.NDArray[np.bool_]:
    """Return which rows of targets (N, K) are NaN: tracks without a target."""
    missing: npt.NDArray[np.bool_] = np.logical_or.reduce(np.isnan(targets), axis=1)
    return missing
