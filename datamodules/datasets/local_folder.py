"""The dataset `folder`: audio of the user with a CSV or JSONL table of tags, or without labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from datamodules.annotations.manifest_jsonl import MANIFEST, read_jsonl
from datamodules.annotations.row import Row, locate
from datamodules.annotations.table_text import (
    JSONL_SUFFIXES,
    OTHER_SUFFIXES,
    TEXT_SUFFIXES,
    check_format,
)
from datamodules.annotations.tags_csv import read_table
from datamodules.audio.find_files import find_audio_files
from datamodules.audio.npy_waveform import source_of
from datamodules.base import Loading, TaggingDataModule
from datamodules.common.canonical_json import digest_rows
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import replace_file
from datamodules.corpus.track import Track
from datamodules.labels.stratified_split import draw_split


class Folder(TaggingDataModule):
    """A directory of audio and a ``tags.csv`` with the columns ``path,tags[,split,artist,album]``.

    Paths are relative to the table, and tags are separated by ``|``. A ``manifest.jsonl`` may
    replace the table (`datamodules.annotations.manifest_jsonl`), and ``.npy`` files may replace
    audio files (`datamodules.audio.npy_waveform`).
    The classes are the tags in alphabetical order, so that adding a track never reorders them.
    Without a ``split`` column a split is drawn from ``split_seed``
    (`datamodules.labels.stratified_split.draw_split`) and written to ``split.csv`` beside the
    corpus.

    A directory of audio without either table is a test set without labels, which contains every
    audio file below the directory. On such a dataset, the predictions of a model on perturbed and
    on clean audio are compared (`benchmark.score.consistency`).

    Args:
        data: The directory, or the table itself.
        task: ``"multilabel"``, or ``"singlelabel"`` where each track has exactly one tag.
        split_seed: Seed of the random split.
        valid: Share of the tracks for validation.
        test: Share of the tracks for the test.
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
        self.data = data
        self.task = task
        self.split_seed = split_seed
        self.valid = valid
        self.test = test

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the table by path; without a table, every audio file as a test track."""
        if self._unlabelled:
            return tuple(Row(path, (), "test", "", "") for path in self._unlabelled)
        read = read_jsonl if self._table.suffix.lower() in JSONL_SUFFIXES else read_table
        return read(self._table, single=self.task == "singlelabel")

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Every tag of the table, in alphabetical order; none of audio alone."""
        return tuple(sorted({tag for row in self.rows for tag in row.tags}))

    def identity(self) -> Mapping[str, Any]:
        """Return the content of the table instead of its path."""
        drawn = {"seed": self.split_seed, "valid": self.valid, "test": self.test}
        return {
            "task": self.task,
            "table": digest_rows(row.described() for row in self.rows),
            "split": drawn if self._draws else "given",
        }

    def build_manifest(self) -> Sequence[Track]:
        """Return the rows of the table as tracks, split."""
        if self._unlabelled:  # a link to a missing file is rejected with its reason
            files = [self._table.parent / row.path for row in self.rows]
        else:
            files = locate(self._table, self.rows)
        tracks = [
            Track(
                track_id=row.name,
                split=row.split,
                tags=row.tags,
                source=source,
                artist=row.artist,
                album=row.album,
                song=row.song,
                extra=row.extra,
                stamp=source.stamp(),
            )
            for row, path in zip(self.rows, files, strict=True)
            for source in [source_of(path, row.path, row.rate)]
        ]
        if self._draws:
            return draw_split(tracks, valid=self.valid, test=self.test, seed=self.split_seed)
        self._check_positives(tracks)
        return tracks

    def prepare_data(self) -> None:
        """Decode the audio, and write a drawn split to ``split.csv``."""
        super().prepare_data()
        if self._draws:
            frame = self.corpus.frame
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(("path", "split", "artist"))
            writer.writerows(zip(frame["track_id"], frame["split"], frame["artist"], strict=True))
            content = text.getvalue().encode()
            path = self.corpus_root / "split.csv"
            if not path.is_file() or path.read_bytes() != content:
                replace_file(path, content)

    @cached_property
    def _table(self) -> Path:
        """Path of the table: ``data`` itself, or a table in the directory ``data``.

        Raises:
            TagbenchError: If there are several, or only one in a format that cannot be read.
        """
        place = Path(self.data).expanduser()
        if not place.is_dir() and place.suffix.lower() in (*TEXT_SUFFIXES, *JSONL_SUFFIXES):
            return place
        if place.is_file():
            check_format(place)
            raise TagbenchError(
                f"{place} is neither a directory of audio nor a table of tags: expected a file "
                f"with the suffix {', '.join((*TEXT_SUFFIXES, *JSONL_SUFFIXES))}."
            )
        tables = _tables(place, ("tags",), TEXT_SUFFIXES)
        manifests = _tables(place, (Path(MANIFEST).stem,), JSONL_SUFFIXES)
        if len(tables) + len(manifests) > 1:
            names = " and ".join(path.name for path in (*tables, *manifests))
            count = "both " if len(tables) + len(manifests) == 2 else ""
            raise TagbenchError(
                f"{place} holds {count}{names}. Name one of them: --data {(*manifests, *tables)[0]}"
            )
        for table in (*tables, *manifests):
            return table
        for other in _tables(place, ("tags", "manifest"), OTHER_SUFFIXES):
            check_format(other)
        return place / "tags.csv"

    @cached_property
    def _unlabelled(self) -> tuple[str, ...]:
        """Paths of the audio in a directory that has no table."""
        place = Path(self.data).expanduser()
        if self._table.is_file() or not place.is_dir() or self.task != "multilabel":
            return ()
        return tuple(sorted(f.relative_to(place).as_posix() for f in find_audio_files(place)))

    @property
    def _draws(self) -> bool:
        return not any(row.split for row in self.rows)

    def _check_positives(self, tracks: Sequence[Track]) -> None:
        """Raise a `TagbenchError` if a tag of the table has no training track.

        For the other splits, and for a drawn split, the corpus contains a warning instead.
        """
        learnt = {tag for track in tracks if track.split == "train" for tag in track.tags}
        missing = [tag for tag in self.tags if tag not in learnt]
        if missing:
            raise TagbenchError(
                f"{self._table}: {len(missing)} of {len(self.tags)} tags have no track in train: "
                f"{', '.join(missing[:10])}{' ...' if len(missing) > 10 else ''}. "
                "Give each tag a track in train, or remove it."
            )


def _tables(folder: Path, stems: Sequence[str], suffixes: Sequence[str]) -> list[Path]:
    """Return the files of a folder with one of some names, in any letter case, sorted."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.stem.lower() in stems and path.suffix.lower() in suffixes and path.is_file()
    )
