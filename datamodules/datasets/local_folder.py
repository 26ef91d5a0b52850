"""The dataset `folder`: audio of the user with a CSV or JSONL table of tags, or without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from datamodules.annotations.row import Row, locate
from datamodules.annotations.user_table import find_table, read_rows
from datamodules.audio.find_files import require_audio_files
from datamodules.base import Loading, TaggingDataModule
from datamodules.common.canonical_json import digest_rows
from datamodules.corpus.track import Track
from datamodules.corpus.validation import check_training_tags
from datamodules.labels.split_csv import write_split
from datamodules.labels.stratified_split import draw_split


class Folder(TaggingDataModule):
    """A directory of audio and a ``tags.csv`` with the columns ``path,tags[,split,artist,album]``.

    Paths are relative to the table, and tags are separated by ``|``. A ``manifest.jsonl`` may
    replace the table (`datamodules.annotations.manifest_jsonl`), and ``.npy`` files may replace
    audio files (`datamodules.audio.npy_waveform`).
    The classes are the tags in alphabetical order, so that adding a track never reorders them.
    Without a ``split`` column a split is drawn from ``split_seed``
    (`datamodules.labels.stratified_split.draw_split`) and written to ``split.csv`` beside the
    corpus, unless ``test`` is 1.

    A directory of audio without either table is a test set without labels, which contains every
    audio file below the directory. On such a dataset, the predictions of a model on perturbed and
    on clean audio are compared (`benchmark.score.consistency`).

    Args:
        data: The directory, or the table itself.
        task: ``"multilabel"``, or ``"singlelabel"`` where each track has exactly one tag.
        split_seed: Seed of the random split.
        valid: Share of the tracks for validation.
        test: Share of the tracks for the test; 1 to evaluate trained models on all tracks.
        **loading: See `TaggingDataModule`.
    """

    name = "folder"
    licence: ClassVar[str] = "that of your audio"
    access: ClassVar[str] = "a directory of yours"

    def __init__(
        self,
        *,
        data: str,
        task: Literal["multilabel", "singlelabel"] = "multilabel",
        split_seed: int = 0,
        valid: float = 0.15,
        test: float = 0.15,
        **loading: Unpack[Loading],
    ) -> None:
        super().__init__(**loading)
        self.check_choices(task=task)
        self.data, self.task, self.split_seed = data, task, split_seed
        self.valid, self.test = valid, test

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the table by path; without a table, every audio file as a test track."""
        if self._unlabelled:
            return tuple(Row(path, (), "test", "", "") for path in self._unlabelled)
        rows = read_rows(self._table, single=self.task == "singlelabel")
        if self.test < 1 or any(row.split for row in rows):
            return rows
        return tuple(replace(row, split="test") for row in rows)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Every tag of the table, in alphabetical order; none of audio alone."""
        return tuple(sorted({tag for row in self.rows for tag in row.tags}))

    def identity(self) -> Mapping[str, Any]:
        """Return the content of the table instead of its path."""
        table = digest_rows(row.described() for row in self.rows)
        drawn = {"seed": self.split_seed, "valid": self.valid, "test": self.test}
        return {"task": self.task, "table": table, "split": drawn if self._draws else "given"}

    def build_manifest(self) -> Sequence[Track]:
        """Return the rows of the table as tracks, split."""
        if self._unlabelled:  # a link to a missing file is rejected with its reason
            files = [self._table.parent / row.path for row in self.rows]
        else:
            files = locate(self._table, self.rows)
        tracks = [row.track(file) for row, file in zip(self.rows, files, strict=True)]
        if self._draws:
            return draw_split(tracks, valid=self.valid, test=self.test, seed=self.split_seed)
        if self.test < 1:
            check_training_tags(tracks, self.tags, self._table)
        return tracks

    def prepare_data(self) -> None:
        """Decode the audio, and write a drawn split to ``split.csv``."""
        super().prepare_data()
        if self._draws:
            write_split(self.corpus.frame, self.corpus_root / "split.csv")

    @cached_property
    def _table(self) -> Path:
        return find_table(Path(self.data).expanduser())

    @cached_property
    def _unlabelled(self) -> tuple[str, ...]:
        """Paths of the audio in a directory that has no table."""
        place = Path(self.data).expanduser()
        if self._table.is_file() or not place.is_dir() or self.task != "multilabel":
            return ()
        return tuple(sorted(f.relative_to(place).as_posix() for f in require_audio_files(place)))

    @property
    def _draws(self) -> bool:
        return not any(row.split for row in self.rows)
