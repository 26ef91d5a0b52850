"""What a preparation is given: checked, digested, and its disk use estimated."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.audio.decode import DECODER_REVISION
from datamodules.audio.sources import FileSource
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.corpus import SPLITS, Track, digest_rows

COLUMNS = (
    "track_id", "split", "tags", "artist", "album", "song", "source", "source_sha256", "shard",
    "offset", "samples", "scale", "audio_sha256",
)  # fmt: skip
_SAMPLED = 64  # headers read to estimate the length of all
_GUESS_S = 30.0
_BYTES_PER_SAMPLE = 2
_ROW_BYTES = 600  # of manifest and sidecar
# Headers and samples of a list can mislead; beyond this there is no doubt.
_CLEARLY = 0.8


@dataclass(frozen=True)
class Estimate:
    """Disk use of a preparation."""

    tracks: int
    seconds: float
    bytes: int

    def __str__(self) -> str:
        length = f"{self.seconds / 3600:.1f} h" if self.seconds >= 3600 else _minutes(self.seconds)
        return f"{self.tracks} tracks, about {length} of audio, about {human_bytes(self.bytes)}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


def human_bytes(count: float) -> str:
    """Return ``count`` with a unit, such as ``"1.4 GB"``."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def estimate_disk(tracks: Sequence[Track], sample_rate: int) -> Estimate:
    """Estimate what ``tracks`` will take on disk, from the headers of a few of them."""
    step = max(len(tracks) // _SAMPLED, 1)
    lengths = [_seconds(track) for track in tracks[::step]]
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    seconds = mean * len(tracks)
    size = seconds * sample_rate * _BYTES_PER_SAMPLE + _ROW_BYTES * len(tracks)
    return Estimate(len(tracks), seconds, round(size))


def _seconds(track: Track) -> float:
    known = track.seconds
    if known is None and isinstance(track.source, FileSource):
        known = track.source.seconds()
    return _GUESS_S if known is None else known


def check_disk(estimate: Estimate, root: Path) -> int:
    """Return the free bytes at ``root``.

    Raises:
        TagbenchError: If the audio clearly cannot fit.
    """
    free = shutil.disk_usage(root).free
    if _CLEARLY * estimate.bytes > free:
        raise TagbenchError(
            f"Not enough disk space in {root}: about {human_bytes(estimate.bytes)} needed for "
            f"{estimate.tracks} tracks, {human_bytes(free)} free. Free some space, or name another "
            "folder for prepared corpora."
        )
    return free


def check_tracks(tracks: Sequence[Track], tags: Sequence[str], task: str, name: str) -> None:
    """Raise a TagbenchError if the rows of a dataset contradict themselves."""
    if not tracks:
        raise TagbenchError(f"Dataset {name!r} has no tracks.")
    repeated = [track for track, n in Counter(t.track_id for t in tracks).items() if n > 1]
    if repeated:
        raise TagbenchError(
            f"Dataset {name!r} lists {len(repeated)} track ids more than once, "
            f"such as {repeated[0]!r}. Track ids must be unique."
        )
    known = set(tags)
    if len(known) != len(tags):
        raise TagbenchError(f"The tags of {name!r} must be unique: {tags}.")
    # Without labels there is nothing to learn, but predictions can still be compared.
    if not known and any(track.split != "test" for track in tracks):
        raise TagbenchError(f"{name!r} has no tags: all of its tracks must be in test.")
    for track in tracks:
        where = f"track {track.track_id!r} of {name!r}"
        if track.split not in SPLITS:
            raise unknown_name("split", track.split, SPLITS, where)
        for tag in track.tags:
            if tag not in known:
                raise unknown_name("tag", tag, known, where)
        if task == "singlelabel" and len(track.tags) != 1:
            raise TagbenchError(
                f"{where} has {len(track.tags)} tags ({', '.join(track.tags) or 'none'}); "
                "a single-label dataset needs exactly one for each track."
            )
        if clash := set(track.extra) & set(COLUMNS):
            raise TagbenchError(f"{where}: extra columns may not be called {sorted(clash)}.")


def input_digest(
    tracks: Sequence[Track], *, name: str, tags: Sequence[str], task: str, sample_rate: int
) -> str:
    """Return a digest that is equal if preparing ``tracks`` again could change nothing."""
    return digest_rows(
        (
            [*_described(t), t.source.label, t.stamp, dict(t.extra)]
            for t in sorted(tracks, key=lambda t: t.track_id)
        ),
        DECODER_REVISION, name, list(tags), task, sample_rate,
    )  # fmt: skip


def _described(track: Track) -> list[object]:
    return [
        track.track_id, track.split, list(track.tags), track.artist, track.album, track.song,
    ]  # fmt: skip


def manifest_digest(rows: Iterator[tuple[Track, str, int]], sample_rate: int) -> str:
    """Return the digest of a prepared corpus, from its tracks, their sha256 and their samples."""
    return digest_rows(
        ([*_described(track), sha256, samples] for track, sha256, samples in rows),
        sample_rate, DECODER_REVISION,
    )  # fmt: skip


def split_digest(tracks: Sequence[Track]) -> str:
    """Return the digest of which track is in which split."""
    return digest_rows([track.track_id, track.split] for track in tracks)


def tags_digest(tags: Sequence[str]) -> str:
    """Return the digest of the ordered classes."""
    return digest_rows(list(tags))
