"""Readers of the track lists and labels that were published for the Million Song Dataset."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from datamodules.annotations.safe_pickle import load_pickle
from datamodules.common.errors import not_as_published

Labels = npt.NDArray[np.bool_]

_TRACK_ID = re.compile(r"TR[A-Z]{5}[0-9A-F]{11}")


@dataclass(frozen=True)
class Listed:
    """Tracks of one split.

    Attributes:
        ids: MSD ids of N tracks.
        labels: Boolean labels of shape ``(N, C)``.
    """

    ids: Sequence[str]
    labels: Labels

    def take(self, rows: Sequence[int]) -> Listed:
        """Return the tracks in ``rows``, in that order."""
        return Listed([self.ids[row] for row in rows], self.labels[list(rows)])


def read_ids(path: Path) -> list[str]:
    """Read a text file with one MSD id in each line."""
    return _checked_ids(path, path.read_text(encoding="ascii", errors="replace").splitlines())


def read_clips(path: Path, tracks: int) -> list[str]:
    """Read a text file with the 7digital id of each of ``tracks`` tracks, one in each line."""
    clips = path.read_text(encoding="ascii", errors="replace").splitlines()
    for line, clip in enumerate(clips, 1):
        if not clip.isdecimal():
            raise not_as_published(path, line, f"expected a 7digital id, found {clip[:40]!r}")
    if len(clips) != tracks:
        raise not_as_published(
            path, None, f"expected {tracks:,} lines, one for each track, not {len(clips):,}"
        )
    return clips


def read_id_array(path: Path) -> list[str]:
    """Read a NumPy array of MSD ids."""
    return _checked_ids(path, _array(path).ravel().tolist())


def read_labels(path: Path, tracks: int, classes: int) -> Labels:
    """Read a NumPy array of 0 and 1, of shape ``(tracks, classes)`` and any numeric type."""
    return _checked_labels(path, _array(path), (tracks, classes))


def read_table(path: Path, classes: int) -> Listed:
    """Read lines with an MSD id, a tab, and the labels as a list such as ``[0, 1, 0]``."""
    ids, rows = [], []
    with path.open(encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            track, _, labels = line.partition("\t")
            try:
                rows.append(np.array(json.loads(labels), dtype=np.uint8))
            except (ValueError, TypeError, OverflowError):
                raise not_as_published(path, number, "expected an id, a tab and a list") from None
            if rows[-1].shape != (classes,):
                raise not_as_published(path, number, f"expected {classes} labels")
            ids.append(track)
    return Listed(
        _checked_ids(path, ids), _checked_labels(path, np.array(rows), (len(ids), classes))
    )


def unpickle_ids(path: Path) -> list[str]:
    """Read a pickled list of MSD ids."""
    ids = load_pickle(path)
    if not isinstance(ids, list):
        raise not_as_published(path, None, f"expected a list, found {type(ids).__name__}")
    return _checked_ids(path, ids)


def unpickle_labels(path: Path, ids: Sequence[str], classes: int) -> Labels:
    """Read the labels of the tracks ``ids`` from a pickled dictionary of arrays by MSD id."""
    vectors = _dictionary(path)
    if absent := [track for track in ids if track not in vectors]:
        raise not_as_published(
            path, None, f"{len(absent):,} tracks are missing, such as {absent[0]}"
        )
    rows = [np.asarray(vectors[track]).ravel() for track in ids]
    if wrong := [track for track, row in zip(ids, rows, strict=True) if row.shape != (classes,)]:
        raise not_as_published(path, None, f"{wrong[0]}: expected {classes} labels")
    return _checked_labels(path, np.array(rows), (len(ids), classes))


def unpickle_clips(path: Path) -> dict[str, str]:
    """Read the 7digital ids from a pickled dictionary by MSD id."""
    return {track: str(clip) for track, clip in _dictionary(path).items()}


def _dictionary(path: Path) -> dict[str, Any]:
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise not_as_published(path, None, f"expected a dictionary, found {type(content).__name__}")
    return content


def _array(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise not_as_published(
            path, None, f"expected an array of numbers or strings ({error})"
        ) from error
    return array


def _checked_ids(path: Path, ids: Iterable[Any]) -> list[str]:
    entries = list(ids)
    for position, track in enumerate(entries, 1):
        if not (isinstance(track, str) and _TRACK_ID.fullmatch(track)):
            shown = str(track)[:40]
            raise not_as_published(
                path, None, f"entry {position}: expected an MSD track id, found {shown!r}"
            )
    return entries


def _checked_labels(path: Path, labels: npt.NDArray[Any], shape: tuple[int, int]) -> Labels:
    if labels.shape != shape:
        raise not_as_published(
            path, None, f"expected labels of shape {shape}, found {labels.shape}"
        )
    positive = labels == 1
    if not (positive | (labels == 0)).all():
        raise not_as_published(path, None, "expected only 0 and 1")
    return positive
