"""Writer of the files that describe a corpus: manifest, rejected tracks and ``corpus.json``."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soundfile
import soxr

from datamodules.audio.decode import DECODER_REVISION
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import replace_file
from datamodules.corpus.corpus import CORPUS_FORMAT
from datamodules.corpus.digests import (
    manifest_digest,
    samples_digest,
    split_digest,
    tags_digest,
)
from datamodules.corpus.leakage import check_disjoint, check_positives
from datamodules.corpus.shards import Fact, shard_path, sidecar_path
from datamodules.corpus.track import SPLITS, UNLABELLED, Track

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Stored:
    """Result of decoding one track.

    Attributes:
        shard: Number of the shard that contains the track.
        fact: The result.
    """

    shard: int
    fact: Fact


@dataclass(frozen=True)
class Description:
    """Description of a corpus.

    Attributes:
        name: Name of the dataset.
        tags: Classes, in the order of the columns of the targets.
        task: ``"multilabel"`` or ``"singlelabel"``.
        sample_rate: Sample rate in Hz.
        input_digest: Digest of the arguments of the preparation.
    """

    name: str
    tags: Sequence[str]
    task: str
    sample_rate: int
    input_digest: str


def publish(
    root: Path, tracks: Sequence[Track], facts: Mapping[str, Stored], about: Description
) -> None:
    """Write the manifest, the list of rejected tracks and, last, ``corpus.json``.

    Args:
        root: Folder of the corpus.
        tracks: All tracks, in the order of their ids.
        facts: Result of decoding each track, by track id.
        about: Description of the corpus.

    Raises:
        TagbenchError: If no track could be decoded.
    """
    kept = [track for track in tracks if not facts[track.track_id].fact.reason]
    rejected = [facts[track.track_id].fact for track in tracks if facts[track.track_id].fact.reason]
    if not kept:
        replace_file(root / "rejected.csv", _rejected_csv(rejected))
        raise TagbenchError(
            f"None of the {len(tracks)} tracks of {about.name!r} could be decoded. The first is "
            f"{rejected[0].source}: {rejected[0].reason}. All are listed in "
            f"{root / 'rejected.csv'}."
        )
    stored = [facts[track.track_id] for track in kept]
    table = _table(kept, stored)
    info = {
        **_describe(kept, stored, about),
        "rejected": len(rejected),
        "cautions": _cautions(table, about.tags),
    }
    corpus = root / "corpus.json"
    corpus.unlink(missing_ok=True)  # A corpus without this file counts as incomplete.
    _write_manifest(root / "manifest.parquet", table)
    replace_file(root / "rejected.csv", _rejected_csv(rejected))
    _remove_unused(root / "shards", {entry.shard for entry in facts.values()})
    text = json.dumps(info, ensure_ascii=False, indent=1)
    replace_file(corpus, f"{text}\n".encode())


def _describe(
    tracks: Sequence[Track], stored: Sequence[Stored], about: Description
) -> dict[str, Any]:
    """Return the facts and digests of a corpus, as JSON values."""
    samples = sum(entry.fact.samples for entry in stored)
    splits = Counter(track.split for track in tracks)
    rows = (
        (track, entry.fact.source_sha256, entry.fact.samples)
        for track, entry in zip(tracks, stored, strict=True)
    )
    return {
        "format": CORPUS_FORMAT,
        "name": about.name,
        "task": about.task,
        "tags": list(about.tags),
        "sample_rate": about.sample_rate,
        "input_digest": about.input_digest,
        "manifest_digest": manifest_digest(rows, about.sample_rate),
        "split_digest": split_digest(tracks),
        "tags_digest": tags_digest(about.tags),
        "samples_digest": samples_digest((e.fact.audio_sha256, e.fact.scale) for e in stored),
        "tracks": len(tracks),
        "splits": {s: splits[s] for s in (*SPLITS, UNLABELLED) if s in SPLITS or splits[s]},
        "seconds": samples / about.sample_rate,
        "bytes": 2 * samples,
        "decoder": {
            "revision": DECODER_REVISION,
            "libsndfile": soundfile.__libsndfile_version__,
            "soundfile": soundfile.__version__,
            "soxr": soxr.__version__,
        },
    }


def _cautions(table: pa.Table, tags: Sequence[str]) -> list[str]:
    frame = table.to_pandas()
    return [*check_disjoint(frame), *check_positives(tags, frame)]


def _table(tracks: Sequence[Track], stored: Sequence[Stored]) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, Any] = {
        "track_id": pa.array([track.track_id for track in tracks], pa.string()),
        "split": pa.array([track.split for track in tracks], pa.string()),
        "tags": pa.array([list(track.tags) for track in tracks], pa.list_(pa.string())),
        "artist": pa.array([track.artist for track in tracks], pa.string()),
        "album": pa.array([track.album for track in tracks], pa.string()),
        "song": pa.array([track.song for track in tracks], pa.string()),
        "source": pa.array([entry.fact.source for entry in stored], pa.string()),
        "source_sha256": pa.array([entry.fact.source_sha256 for entry in stored], pa.string()),
        "shard": pa.array([entry.shard for entry in stored], pa.int32()),
        "offset": pa.array([entry.fact.offset for entry in stored], pa.int64()),
        "samples": pa.array([entry.fact.samples for entry in stored], pa.int64()),
        "scale": pa.array([entry.fact.scale for entry in stored], pa.float32()),
        "audio_sha256": pa.array([entry.fact.audio_sha256 for entry in stored], pa.string()),
    }
    extras = dict.fromkeys(key for track in tracks for key in track.extra)
    for key in extras:
        values = [track.extra.get(key) for track in tracks]
        try:
            columns[key] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            raise TagbenchError(
                f"The extra column {key!r} mixes types of values. Use only numbers or only text."
            ) from None
    return pa.table(columns)


def _write_manifest(path: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    replace_file(path, buffer.getvalue())


def _rejected_csv(rejected: Sequence[Fact]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("track_id", "source", "reason"))
    writer.writerows((fact.track_id, fact.source, fact.reason) for fact in rejected)
    return text.getvalue().encode()


def _remove_unused(folder: Path, used: set[int]) -> None:
    """Remove shards that no track refers to, each sidecar before its samples."""
    numbers = {int(path.stem) for path in folder.iterdir() if path.stem.isdigit()}
    for number in sorted(numbers - used):
        sidecar_path(folder, number).unlink(missing_ok=True)
        shard_path(folder, number).unlink(missing_ok=True)
