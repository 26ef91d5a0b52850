"""Shards: files of int16 audio, each with a sidecar that says what is in it.

A shard is written by one process and then never changes. The sidecar appears last, so a shard
without one is debris of a run that was killed. Decoding processes import this file.
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

MAX_TRACKS = 128  # bounds what a kill can lose
MAX_BYTES = 2**30
_FULL_SCALE = 32767
_SIDECAR_FORMAT = 1


@dataclass(frozen=True)
class Fact:
    """What became of one track.

    Attributes:
        track_id: Of the track.
        source: Label of its source.
        stamp: Stamp of its source at the time.
        reason: Why there is no audio; empty if there is.
        transient: Whether to try again when the corpus is prepared again.
        source_sha256: Of the source.
        offset: First sample in the shard.
        samples: Length.
        scale: Audio is stored int16 times this.
        audio_sha256: Of the stored int16 samples.
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
    """A track to store; ``known_sha256`` is set if its audio is stored already, unless changed."""

    track_id: str
    stamp: str
    source: AudioSource
    known_sha256: str = ""


@dataclass(frozen=True)
class Job:
    """Tracks for one shard. The number is never used twice, not even by a run that is resumed."""

    folder: Path
    number: int
    sample_rate: int
    items: tuple[Item, ...]
    max_bytes: int


@dataclass(frozen=True)
class Report:
    """Outcome of a job: facts of its first ``taken`` items, and those found unchanged."""

    taken: int
    facts: tuple[Fact, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True)
class Sidecar:
    """A finished shard; ``adopted`` if it was linked from another corpus."""

    number: int
    adopted: bool
    facts: tuple[Fact, ...]


def shard_path(folder: Path, number: int) -> Path:
    """Return the file that holds the samples of a shard."""
    return folder / f"{number:05d}.i16"


def sidecar_path(folder: Path, number: int) -> Path:
    """Return the file that says what a shard holds."""
    return folder / f"{number:05d}.json"


def quantise(audio: Float32) -> tuple[Int16, np.float32]:
    """Scale a track to the full range of int16, so that nothing clips and nothing is lost.

    Args:
        audio: Shape ``(T,)``, finite.

    Returns:
        int16 of shape ``(T,)``, and the factor that turns it back.
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
        job: What to store.
        on_track: Called after each track.

    Raises:
        OSError: If the shard cannot be written; nothing of it is left then.
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
    """Return the fact and the samples of a track; no fact if it is known and has not changed."""
    label = item.source.label
    try:
        digest = item.source.sha256()
        if item.known_sha256 and digest == item.known_sha256:
            return None, None
        audio = item.source.read(sample_rate)
        if audio.ndim != 1 or audio.dtype != np.float32 or not len(audio):
            raise AudioError(f"the source gave {audio.dtype} of shape {audio.shape}")
        stored, scale = quantise(audio)
    except AudioError as error:
        return Fact(item.track_id, label, item.stamp, error.reason, error.transient), None
    except Exception as error:  # noqa: BLE001  one bad track must not stop thousands
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
    """Declare a shard finished."""
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
    """Yield the finished shards of a folder that are of use, by number.

    Those of another sample rate or decoder, and those whose samples are gone, are passed over.
    """
    for path in sorted(folder.glob("*.json")):
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            known = (content["format"], content["decoder_revision"], content["sample_rate"])
            if known != (_SIDECAR_FORMAT, DECODER_REVISION, sample_rate):
                continue
            facts = tuple(Fact(**track) for track in content["tracks"])
            number = int(path.stem)
            samples = max((fact.offset + fact.samples for fact in facts), default=0)
            if samples and shard_path(folder, number).stat().st_size != 2 * samples:
                continue
        except (OSError, ValueError, KeyError, TypeError):
            continue
        yield Sidecar(number, content["adopted"], facts)
