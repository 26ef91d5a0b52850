"""Tables of embeddings as Parquet or ``.npz`` files: one row for each track or window, and layer.

Columns: ``track_id``, ``layer``, ``start`` and ``duration`` in seconds, ``source_digest`` and
``vector``. Rows are sorted by track id, start, and the order of the layers in the model. Equal rows
give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmark.embed.windows import Float32, TrackRows
from benchmark.store.files import write_arrays
from datamodules.common.canonical_json import canonical_json
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import open_atomic

SUFFIXES = (".parquet", ".npz")
_METADATA = b"tagbench"
_VALUES_PER_GROUP = 2**22  # bounds the memory of writing and reading: 17 MB of vectors


class EmbeddedTrack(NamedTuple):
    """The rows of one track.

    Attributes:
        track_id: Its id.
        digest: Digest of the audio that they were computed from.
        rows: Its rows.
    """

    track_id: str
    digest: str
    rows: TrackRows


class _Block(NamedTuple):
    """Columns of some rows; ``vectors`` holds one array (D,) for each row."""

    track_id: NDArray[np.str_]
    layer: NDArray[np.str_]
    start: NDArray[np.float64]
    duration: NDArray[np.float64]
    source_digest: NDArray[np.str_]
    vectors: Sequence[Float32]


def check_out(path: Path, widths: Mapping[str, int]) -> None:
    """Check that a table can be written to a file of this name.

    Args:
        path: The file.
        widths: Number of values of each layer.

    Raises:
        TagbenchError: The suffix is of another format, or the layers do not fit the format.
    """
    if path.suffix not in SUFFIXES:
        raise TagbenchError(f"--out {path}: expected a name that ends in .parquet or .npz.")
    if path.suffix == ".npz" and len(set(widths.values())) > 1:
        sizes = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise TagbenchError(
            f"--out {path}: the vectors of an .npz file have one size, and those of the layers "
            f"have several ({sizes}). Choose a file .parquet, or layers of one size with --layer."
        )


def write_table(
    path: Path,
    identity: Mapping[str, Any],
    widths: Mapping[str, int],
    tracks: Iterable[EmbeddedTrack],
) -> int:
    """Write a table atomically; return the number of rows.

    Args:
        path: The file, see `check_out`.
        identity: Identity of the table, which is stored in it.
        widths: Number of values of each layer.
        tracks: Tracks in the order of their ids.
    """
    if path.suffix == ".npz":
        block = _block(tracks)
        columns = {name: getattr(block, name) for name in _Block._fields[:-1]}
        width = next(iter(widths.values()))
        vectors = np.stack(block.vectors) if block.vectors else np.zeros((0, width), np.float32)
        text = np.array(canonical_json(identity), dtype=np.str_)
        write_arrays(path, **columns, vector=vectors, identity=text)
        return len(block.vectors)
    schema = _schema(identity, widths)
    n_rows = 0
    with open_atomic(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _groups(tracks):
            block = _block(group)
            writer.write_table(_table(block, schema), row_group_size=len(block.vectors))
            n_rows += len(block.vectors)
    return n_rows


def read_identity(path: Path) -> Mapping[str, Any]:
    """Return the identity of a table.

    Raises:
        TagbenchError: The file is damaged, or is no table of embeddings.
    """
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                text = str(stored["identity"])
        else:
            text = pq.read_schema(path).metadata[_METADATA].decode()
        identity: Mapping[str, Any] = json.loads(text)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise _unreadable(path, error) from error
    return identity


def read_table(path: Path) -> Iterator[EmbeddedTrack]:
    """Yield the tracks of a table in the order of their ids.

    Raises:
        TagbenchError: The file is damaged.
    """
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                yield from _tracks(
                    _Block(*(stored[name] for name in (*_Block._fields[:-1], "vector")))
                )
            return
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                table = file.read_row_group(number)
                columns = [table[name].to_numpy() for name in table.column_names]
                yield from _tracks(_Block(*columns))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> TagbenchError:
    return TagbenchError(
        f"{path} is damaged, or was not written by tagbench embed: {error}. Name another file with "
        "--out, or delete this one."
    )


def _schema(identity: Mapping[str, Any], widths: Mapping[str, int]) -> pa.Schema:
    """Return the columns. Vectors have a fixed size where all layers have the same."""
    sizes = set(widths.values())
    vector = pa.list_(pa.float32(), sizes.pop()) if len(sizes) == 1 else pa.list_(pa.float32())
    fields = [
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("layer", pa.string(), nullable=False),
        pa.field("start", pa.float64(), nullable=False),
        pa.field("duration", pa.float64(), nullable=False),
        pa.field("source_digest", pa.string(), nullable=False),
        pa.field("vector", vector, nullable=False),
    ]
    return pa.schema(fields, metadata={_METADATA: canonical_json(identity).encode()})


def _groups(tracks: Iterable[EmbeddedTrack]) -> Iterator[list[EmbeddedTrack]]:
    """Group whole tracks, so that a group has a bounded number of values."""
    group: list[EmbeddedTrack] = []
    values = 0
    for track in tracks:
        group.append(track)
        values += sum(rows.size for rows in track.rows.vectors.values())
        if values >= _VALUES_PER_GROUP:
            yield group
            group, values = [], 0
    if group:
        yield group


def _block(tracks: Iterable[EmbeddedTrack]) -> _Block:
    """Return the rows of tracks: windows in order, and for each the layers in order."""
    rows = [
        (track.track_id, name, start, duration, track.digest, vectors[number])
        for track in tracks
        for number, (start, duration) in enumerate(
            zip(track.rows.starts, track.rows.durations, strict=True)
        )
        for name, vectors in track.rows.vectors.items()
    ]
    ids, layers, starts, durations, digests, vectors = zip(*rows, strict=True) if rows else [()] * 6
    return _Block(
        np.array(ids, dtype=np.str_),
        np.array(layers, dtype=np.str_),
        np.array(starts, dtype=np.float64),
        np.array(durations, dtype=np.float64),
        np.array(digests, dtype=np.str_),
        vectors,
    )


def _table(block: _Block, schema: pa.Schema) -> pa.Table:
    flat = pa.array(np.concatenate(block.vectors))
    kind = schema.field("vector").type
    if pa.types.is_fixed_size_list(kind):
        vectors = pa.FixedSizeListArray.from_arrays(flat, kind.list_size)
    else:
        ends = np.cumsum([0, *(len(vector) for vector in block.vectors)])
        vectors = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat)
    columns = [pa.array(column.tolist()) for column in block[:-1]]
    return pa.Table.from_arrays([*columns, vectors], schema=schema)


def _tracks(block: _Block) -> Iterator[EmbeddedTrack]:
    """Split the columns of whole tracks into tracks."""
    names = [str(name) for name in block.track_id]
    for track_id, group in groupby(range(len(names)), key=names.__getitem__):
        at = list(group)
        layers: dict[str, list[int]] = {}
        for row in at:
            layers.setdefault(str(block.layer[row]), []).append(row)
        first = next(iter(layers.values()))
        vectors = {
            name: np.stack([block.vectors[row] for row in rows]).astype(np.float32)
            for name, rows in layers.items()
        }
        rows = TrackRows(block.start[first], block.duration[first], vectors)
        yield EmbeddedTrack(track_id, str(block.source_digest[at[0]]), rows)
