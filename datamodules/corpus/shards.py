"""Shards: files of int16 audio, each with a JSON sidecar that describes its tracks.

A shard is written by one process and does not change afterwards. The sidecar is written last, so a
shard without a sidecar is incomplete. Decoding processes import this module; it must not import
torch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.audio.decode import DECODER_REVISION
from datamodules.audio.errors import AudioError
from datamodules.common.filesystem import PARTIAL, replace_file
from datamodules.corpus.track import AudioSource, Float32, Int16

MAX_TRACKS = 128
"""Largest number of tracks in a shard; a run that is killed loses at most these for each worker."""

MAX_BYTES = 2**30
"""Size in bytes at which a shard is full."""

_FULL_SCALE = 32767
_SIDECAR_FORMAT = 1


@dataclass(frozen=True)
class Fact:
    """Result of decoding one track.

    Attributes:
        track_id: Id of the track.
        source: Label of its source.
        stamp: Stamp of its source when it was decoded.
        reason: Why the track was rejected; empty if it was decoded.
        transient: Whether a rejected track is decoded again by the next preparation.
        source_sha256: SHA-256 of the source.
        offset: Position of the first sample in the shard.
        samples: Length in samples.
        scale: Factor that turns the stored int16 samples into float32.
        audio_sha256: SHA-256 of the stored int16 samples.
    """

    track_id: str
    source: str
    stamp: str
    reason: str = ""
    transient: bool = False
    source_sha256: str = ""
    offset: int = 0
    samples: int = 0
    scale: float = 1.0
    audio_sha256: str = ""


@dataclass(frozen=True)
class Item:
    """A track to decode.

    Attributes:
        track_id: Id of the track.
        stamp: Stamp of the source.
        source: Source of the audio.
        known_sha256: SHA-256 of the source of audio that is stored already; the track is decoded
            only if the source differs. Empty if no audio is stored.
    """

    track_id: str
    stamp: str
    source: AudioSource
    known_sha256: str = ""


@dataclass(frozen=True)
class Job:
    """Tracks to store in one shard.

    Attributes:
        folder: Folder of the shards.
        number: Number of the shard; no number is used twice, also not by a resumed run.
        sample_rate: Sample rate of the stored audio in Hz.
        items: The tracks.
        max_bytes: Size at which the shard is full; the remaining tracks are left to another job.
    """

    folder: Path
    number: int
    sample_rate: int
    items: tuple[Item, ...]
    max_bytes: int

    def run(self, on_track: Callable[[], None]) -> Report:
        """Decode the tracks into the shard; see `write_shard`."""
        return write_shard(self, on_track)


@dataclass(frozen=True)
class Report:
    """Outcome of a job.

    Attributes:
        taken: Number of items that were processed; fewer than all if the shard was full.
        facts: Results of the processed items whose source was decoded.
        unchanged: Track ids of the processed items whose source has the known digest.
    """

    taken: int
    facts: tuple[Fact, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True)
class Sidecar:
    """Description of a finished shard.

    Attributes:
        number: Number of the shard.
        adopted: Whether the shard was linked from another corpus.
        facts: Results of its tracks.
    """

    number: int
    adopted: bool
    facts: tuple[Fact, ...]


def shard_path(folder: Path, number: int) -> Path:
    """Return the path of the samples of a shard."""
    return folder / f"{number:05d}.i16"


def sidecar_path(folder: Path, number: int) -> Path:
    """Return the path of the sidecar of a shard."""
    return folder / f"{number:05d}.json"


def quantise(audio: Float32) -> tuple[Int16, np.float32]:
    """Scale a track to the full range of int16, so that quiet tracks keep their resolution.

    Args:
        audio: Finite samples of shape ``(T,)``.

    Returns:
        int16 samples of shape ``(T,)``, and the factor that turns them into float32.
    """
    peak = max(float(audio.max()), -float(audio.min()))
    scale = np.float32(peak / _FULL_SCALE)
    if scale < np.finfo(np.float32).tiny:  # silence
        return np.zeros(len(audio), dtype="<i2"), np.float32(1 / _FULL_SCALE)
    scaled = audio * np.float32(1 / scale)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -_FULL_SCALE, _FULL_SCALE, out=scaled)
    return scaled.astype("<i2"), scale


def write_shard(job: Job, on_track: Callable[[], None]) -> Report:
    """Decode the tracks of a job into one shard, until it is full.

    Args:
        job: The tracks and the shard.
        on_track: Called after each track.

    Returns:
        The outcome, which is also written to the sidecar of the shard.

    Raises:
        OSError: If the shard cannot be written. Its partial file is removed.
    """
    path = shard_path(job.folder, job.number)
    partial = path.with_name(path.name + PARTIAL)
    facts: list[Fact] = []
    unchanged: list[str] = []
    taken = end = 0
    try:
        with partial.open("wb") as file:
            for item in job.items:
                fact, stored = _decode(item, job.sample_rate, end)
                if fact is None:
                    unchanged.append(item.track_id)
                else:
                    facts.append(fact)
                if stored is not None:
                    file.write(stored.data)
                    end += len(stored)
                taken += 1
                on_track()
                if 2 * end >= job.max_bytes:
                    break
            file.flush()
            os.fsync(file.fileno())
        _publish(job, partial, facts, end)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return Report(taken, tuple(facts), tuple(unchanged))


def _publish(job: Job, partial: Path, facts: Sequence[Fact], samples: int) -> None:
    if samples:
        partial.replace(shard_path(job.folder, job.number))
    else:
        partial.unlink()
    if facts:
        write_sidecar(job.folder, job.number, facts, job.sample_rate)


def _decode(item: Item, sample_rate: int, offset: int) -> tuple[Fact | None, Int16 | None]:
    """Return the result and the samples of a track; no result if its source is unchanged."""
    label = item.source.label
    try:
        digest = item.source.sha256()
        if item.known_sha256 and digest == item.known_sha256:
            return None, None
        audio = item.source.read(sample_rate)
        if audio.ndim != 1 or audio.dtype != np.float32 or not len(audio):
            raise AudioError(f"expected float32 of shape (T,), found {audio.dtype} {audio.shape}")
        stored, scale = quantise(audio)
    except AudioError as error:
        return Fact(item.track_id, label, item.stamp, error.reason, error.transient), None
    except Exception as error:  # noqa: BLE001  an error in one track must not stop the run
        reason = f"{type(error).__name__}: {error}".strip(": ")
        return Fact(item.track_id, label, item.stamp, reason, transient=True), None
    fact = Fact(
        track_id=item.track_id,
        source=label,
        stamp=item.stamp,
        source_sha256=digest,
        offset=offset,
        samples=len(stored),
        scale=float(scale),
        audio_sha256=hashlib.sha256(stored.data).hexdigest(),
    )
    return fact, stored


def write_sidecar(
    folder: Path, number: int, facts: Sequence[Fact], sample_rate: int, *, adopted: bool = False
) -> None:
    """Write the sidecar, which declares the shard finished.

    Args:
        folder: Folder of the shards.
        number: Number of the shard.
        facts: Results of its tracks.
        sample_rate: Sample rate of the stored audio in Hz.
        adopted: Whether the shard was linked from another corpus.
    """
    content = {
        "format": _SIDECAR_FORMAT,
        "decoder_revision": DECODER_REVISION,
        "sample_rate": sample_rate,
        "adopted": adopted,
        "tracks": [asdict(fact) for fact in facts],
    }
    text = json.dumps(content, ensure_ascii=False, indent=1)
    replace_file(sidecar_path(folder, number), text.encode())


def read_sidecars(folder: Path, sample_rate: int) -> Iterator[Sidecar]:
    """Yield the usable shards of a folder, in ascending order of their numbers.

    Shards of another sample rate or decoder revision, and shards whose samples are missing or
    incomplete, are skipped.
    """
    for path in sorted(folder.glob("*.json")):
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            settings = (content["format"], content["decoder_revision"], content["sample_rate"])
            if settings != (_SIDECAR_FORMAT, DECODER_REVISION, sample_rate):
                continue
            facts = tuple(Fact(**track) for track in content["tracks"])
            number = int(path.stem)
            samples = max((fact.offset + fact.samples for fact in facts), default=0)
            if samples and shard_path(folder, number).stat().st_size != 2 * samples:
                continue
        except (OSError, ValueError, KeyError, TypeError):
            continue
        yield Sidecar(number, content["adopted"], facts)
