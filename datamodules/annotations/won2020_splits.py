"""Readers of the split files of the reference implementation of Won et al. (2020).

For each of its three datasets, the readers return the split, tags and array path of every track.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from datamodules.annotations.entry import Entry
from datamodules.annotations.jamendo_tsv import read_entries
from datamodules.annotations.msd_lists import unpickle_ids, unpickle_labels
from datamodules.audio.npy_waveform import array_fault, beside
from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import SPLITS
from datamodules.labels.vocabularies import JAMENDO_TOP50, MSD_LASTFM50, MTAT_TOP50, check_tags

Matrix = npt.NDArray[np.bool_]

# <folder>/<artist>-<album>-<number of the track>-<title>-<from>-<to>.mp3, for all 25,863 clips;
# artist, album and number correspond one to one to those of the publisher's table.
_CLIP = re.compile(r"[^/]+/(?P<album>(?P<artist>[^-/]+)-[^/]*)-(?P<number>\d+)-[^/]*-\d+-\d+\.mp3")
_FILE_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


@dataclass(frozen=True)
class Layout:
    """Files and readers of one dataset of the reference implementation.

    Attributes:
        folder: Name of the dataset's folder, for the arrays and for the split files.
        files: Names of the required split files.
        tags: Function from the folder of split files to the classes.
        read: Function from that folder, the classes and the number of training tracks to the
            tracks, whose paths are those of the arrays below the folder of arrays.
    """

    folder: str
    files: tuple[str, ...]
    tags: Callable[[Path], tuple[str, ...]]
    read: Callable[[Path, tuple[str, ...], int], Iterator[Entry]]


def mtat_tags(folder: Path) -> tuple[str, ...]:
    """Read the names of the columns of ``binary.npy`` from ``tags.npy``, else use Won's order."""
    path = folder / "tags.npy"
    return check_tags(_strings(path), str(path)) if path.is_file() else MTAT_TOP50


def read_mtat(folder: Path, tags: tuple[str, ...], _: int) -> Iterator[Entry]:
    """Read ``{train,valid,test}.npy``, with entries ``<row of binary.npy><tab><mp3 path>``.

    Raises:
        TagbenchError: If an entry or ``binary.npy`` has another form.
    """
    labels = _binary(folder / "binary.npy", len(tags))
    for split in SPLITS:
        path = folder / f"{split}.npy"
        for number, text in enumerate(_strings(path)):
            index, _tab, clip = text.partition("\t")
            match = _CLIP.fullmatch(clip)
            if not (match and index.isdecimal() and int(index) < len(labels)):
                raise TagbenchError(
                    f"{path}, entry {number}: expected a row of binary.npy below {len(labels):,}, "
                    f"a tab and the path of a clip, found {text[:80]!r}."
                )
            positive = tuple(tags[column] for column in np.flatnonzero(labels[int(index)]))
            artist, album, song = match["artist"], match["album"], match["number"]
            yield Entry(clip, split, positive, beside(clip), artist, album, f"{album}#{song}")


def read_msd(folder: Path, tags: tuple[str, ...], train: int) -> Iterator[Entry]:
    """Read the pickled lists; tracks of the first list after the first ``train`` are validation."""
    pool = unpickle_ids(folder / "filtered_list_train.cP")
    test = unpickle_ids(folder / "filtered_list_test.cP")
    ids = [*pool, *test]
    labels = unpickle_labels(folder / "msd_id_to_tag_vector.cP", ids, len(tags))
    for row, (track, positive) in enumerate(zip(ids, labels, strict=True)):
        split = "test" if row >= len(pool) else "train" if row < train else "valid"
        names = tuple(tags[column] for column in np.flatnonzero(positive))
        yield Entry(track, split, names, f"{'/'.join(track[2:5])}/{track}.npy")


def read_jamendo(folder: Path, _tags: tuple[str, ...], _: int) -> Iterator[Entry]:
    """Read the tables of split 0."""
    for split, file_split in _FILE_SPLITS.items():
        for entry in read_entries(folder / _jamendo_file(file_split), split):
            yield replace(entry, path=beside(entry.path))


def _jamendo_file(file_split: str) -> str:
    return f"autotagging_top50tags-{file_split}.tsv"


def _strings(path: Path) -> list[str]:
    array = _load(path)
    if array.dtype.kind == "S":  # written by Python 2
        array = np.char.decode(array, "utf-8")
    if array.dtype.kind != "U":
        raise TagbenchError(f"{path}: expected an array of strings, found {array.dtype}.")
    return [str(text) for text in array.ravel()]


def _binary(path: Path, classes: int) -> Matrix:
    array = _load(path)
    if array.ndim != 2 or array.shape[1] != classes or not np.isin(array, (0, 1)).all():
        raise TagbenchError(
            f"{path}: expected 0 and 1 in {classes} columns, one for each tag, found {array.dtype} "
            f"of shape {array.shape}."
        )
    positive: Matrix = array.astype(bool)
    return positive


def _load(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise TagbenchError(f"{path}: {array_fault(error)}.") from None
    return array


LAYOUTS: dict[str, Layout] = {
    "mtat": Layout(
        "mtat", ("train.npy", "valid.npy", "test.npy", "binary.npy"), mtat_tags, read_mtat
    ),
    "msd": Layout(
        "msd",
        ("filtered_list_train.cP", "filtered_list_test.cP", "msd_id_to_tag_vector.cP"),
        lambda _: MSD_LASTFM50,
        read_msd,
    ),
    "jamendo": Layout(
        "mtg-jamendo",
        tuple(_jamendo_file(file_split) for file_split in _FILE_SPLITS.values()),
        lambda _: JAMENDO_TOP50,
        read_jamendo,
    ),
}
