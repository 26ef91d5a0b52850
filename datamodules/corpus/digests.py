"""Digests of datasets: of their inputs, their manifest, their splits and their tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from datamodules.audio.decode import DECODER_REVISION
from datamodules.common.canonical_json import digest_rows
from datamodules.corpus.track import Track


def input_digest(
    tracks: Sequence[Track], *, name: str, tags: Sequence[str], task: str, sample_rate: int
) -> str:
    """Return the digest of the arguments of a preparation.

    If it is unchanged, preparing the same tracks again would change nothing.
    """
    return digest_rows(
        (
            [*_labels(t), t.source.label, t.stamp, dict(t.extra)]
            for t in sorted(tracks, key=lambda t: t.track_id)
        ),
        DECODER_REVISION, name, list(tags), task, sample_rate,
    )  # fmt: skip


def manifest_digest(rows: Iterable[tuple[Track, str, int]], sample_rate: int) -> str:
    """Return the digest of a prepared corpus.

    Args:
        rows: Each track with the SHA-256 digest of its source and its length in samples.
        sample_rate: Of the corpus, in Hz.
    """
    return digest_rows(
        ([*_labels(track), sha256, samples] for track, sha256, samples in rows),
        sample_rate, DECODER_REVISION,
    )  # fmt: skip


def samples_digest(stored: Iterable[tuple[str, float]]) -> str:
    """Return the digest of the decoded samples of a corpus.

    Unlike `manifest_digest` it differs if another version of a decoder or of NumPy gives other
    samples from the same files. It does not depend on how tracks are divided into shards.

    Args:
        stored: SHA-256 digest of the int16 samples of each track, and their scale, by track id.
    """
    return digest_rows([sha256, scale] for sha256, scale in stored)


def split_digest(tracks: Sequence[Track]) -> str:
    """Return the digest of the assignment of tracks to splits."""
    return digest_rows([track.track_id, track.split] for track in tracks)


def tags_digest(tags: Sequence[str]) -> str:
    """Return the digest of the ordered tags."""
    return digest_rows(list(tags))


def _labels(track: Track) -> list[object]:
    return [
        track.track_id, track.split, list(track.tags), track.artist, track.album, track.song,
    ]  # fmt: skip
