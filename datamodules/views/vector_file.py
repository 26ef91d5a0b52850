"""Files of vectors of tracks: Parquet or npz, with one vector for each track id."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import open_atomic
from datamodules.corpus.track import Float32

EXPECTED = (
    "Expected a Parquet file with the columns track_id and vector (a list of numbers of one length "
    "for each track), or an npz file with the arrays track_id (N,) and vector (N, D)."
)


@dataclass(frozen=True)
class Vectors:
    """Vectors of tracks.

    Attributes:
        place: Row of each track in ``values``, by its id.
        values: float32 of shape ``(N, D)``.
        digest: 16 hexadecimal digits, a digest of ids and values. It depends neither on the format
            of the file nor on the order of its rows.
    """

    place: Mapping[str, int]
    values: Float32
    digest: str


def read_vectors(path: str | Path) -> Vectors:
    """Read a file of vectors; a file that has not changed is read once in a process.

    Raises:
        TagbenchError: It cannot be read, has another layout, names a track twice, or has a value
            that is not finite.
    """
    file = Path(path)
    try:
        status = file.stat()
    except OSError as error:
        raise TagbenchError(
            f"The vectors of tracks in {file} cannot be read: {error.strerror}. {EXPECTED}"
        ) from error
    return _read(file.resolve(), status.st_mtime_ns, status.st_size)


def write_vectors(path: Path, track_ids: Sequence[str], values: Float32) -> None:
    """Write vectors (N, D) of tracks in the format that the name of the file ends with.

    Raises:
        TagbenchError: The name ends neither with ``.parquet`` nor with ``.npz``.
    """
    check_suffix(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        with open_atomic(path) as file:
            np.savez(file, track_id=np.asarray(track_ids, dtype=np.str_), vector=values)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = pa.array(np.ascontiguousarray(values, np.float32).ravel())
    vectors = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    with open_atomic(path) as file:
        pq.write_table(pa.table({"track_id": list(track_ids), "vector": vectors}), file)


def check_suffix(path: Path) -> None:
    """Raise a `TagbenchError` for a name that ends neither with ``.parquet`` nor with ``.npz``."""
    if path.suffix not in (".parquet", ".npz"):
        raise TagbenchError(f"{path}: expected a name that ends with .parquet or .npz.")


@lru_cache(maxsize=8)
def _read(path: Path, modified: int, size: int) -> Vectors:
    """Read a file; time and size are part of the key of the cache."""
    ids, values = _npz(path) if path.suffix == ".npz" else _parquet(path)
    if values.ndim != 2 or not values.size or len(ids) != len(values):
        raise TagbenchError(
            f"{path} has {len(ids)} track ids and vectors of shape {values.shape}. {EXPECTED}"
        )
    place = {track_id: row for row, track_id in enumerate(ids)}
    if len(place) < len(ids):
        twice = sorted({track_id for row, track_id in enumerate(ids) if place[track_id] != row})
        raise TagbenchError(
            f"{path} has several vectors for {len(twice)} tracks, such as {', '.join(twice[:3])}. "
            "Keep one for each track; tagbench embed writes one without --per-window and with one "
            "--layer."
        )
    bad = np.flatnonzero(~np.isfinite(values).all(1))
    if len(bad):
        raise TagbenchError(
            f"{path} has NaN or infinite values in the vectors of {len(bad)} of {len(ids)} tracks, "
            f"such as {', '.join(ids[row] for row in bad[:3])}. Remove these tracks, or compute "
            "their vectors again."
        )
    digest = hashlib.sha256(repr(values.shape).encode())
    for track_id in sorted(ids):
        digest.update(track_id.encode() + b"\x00" + values[place[track_id]].tobytes())
    return Vectors(place, values, digest.hexdigest()[:16])


def _npz(path: Path) -> tuple[list[str], Float32]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return _columns(path, arrays["track_id"].tolist(), arrays["vector"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def _parquet(path: Path) -> tuple[list[str], Float32]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["track_id", "vector"])
        ids = table["track_id"].to_pylist()
        lists = table["vector"].combine_chunks()
        lengths = np.unique(np.asarray(lists.value_lengths()))
        if lists.null_count or len(lengths) != 1:
            raise ValueError(f"its vectors have the lengths {lengths[:5].tolist()}")
        values = lists.flatten().to_numpy(zero_copy_only=False)
        return _columns(path, ids, values.reshape(-1, int(lengths[0])))
    except (OSError, ValueError, KeyError, AttributeError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _columns(path: Path, ids: list[Any], values: np.ndarray) -> tuple[list[str], Float32]:
    if values.dtype.kind not in "fiu":
        raise ValueError(f"its vectors have the type {values.dtype}")
    return [str(track_id) for track_id in ids], np.ascontiguousarray(values, dtype="<f4")


def _unreadable(path: Path, error: Exception) -> TagbenchError:
    return TagbenchError(f"The vectors of tracks in {path} cannot be read: {error}. {EXPECTED}")
