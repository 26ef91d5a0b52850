"""Checks that a list of tracks is the published one and that enough of its audio is available."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.audio.decode import DECODER_REVISION
from datamodules.audio.sources import FileSource
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.digests import split_digest
from datamodules.corpus.track import UNLABELLED, Track

_NAMED = 10  # track ids that a message names


@dataclass(frozen=True)
class Expected:
    """What a complete list of tracks contains.

    Attributes:
        classes: Number of tags.
        train: Number of training tracks.
        valid: Number of validation tracks.
        test: Number of test tracks.
        digest: Digest of the split (`datamodules.corpus.digests.split_digest`); empty where
            the publisher's lists have not been available.
        hours: Duration of all audio in hours, where known.
        unlabelled: Number of tracks without labels.
    """

    classes: int
    train: int
    valid: int
    test: int
    digest: str = ""
    hours: float | None = None
    unlabelled: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Number of tracks by split."""
        labelled = {"train": self.train, "valid": self.valid, "test": self.test}
        return labelled | ({UNLABELLED: self.unlabelled} if self.unlabelled else {})


def is_prepared(root: Path, digest: str) -> bool:
    """Tell whether the corpus in a folder is a complete split, decoded by the current decoder.

    Args:
        root: Folder of the corpus.
        digest: Digest of the split. If it is empty, the result is False.
    """
    if not digest:
        return False
    try:
        corpus = Corpus.open(root)
    except TagbenchError:
        return False
    return corpus.info["decoder"]["revision"] == DECODER_REVISION and corpus.split_digest == digest


def check_complete(tracks: Sequence[Track], expected: Expected, name: str) -> None:
    """Compare a list of tracks with the published one.

    Raises:
        TagbenchError: A count or the digest differs.
    """
    counts = Counter(track.split for track in tracks)
    differences = [
        f"{split}: expected {count:,} tracks, found {counts[split]:,}"
        for split, count in expected.counts.items()
        if counts[split] != count
    ]
    digest = split_digest(sorted(tracks, key=lambda track: track.track_id))
    if not differences and expected.digest and digest != expected.digest:
        differences = [f"the counts agree, but the tracks do not: split digest {digest}"]
    if differences:
        raise TagbenchError(
            f"The lists of {name} are not the published ones. {'; '.join(differences)}. Delete "
            "them and run the same command again, or report it if the publisher changed them."
        )


def check_share(
    counts: Mapping[str, int], expected: Expected, least: float, name: str, rejected: Path
) -> None:
    """Check that each split has enough tracks with audio to be called the published one.

    Args:
        counts: Number of tracks with audio, by split.
        expected: The published counts.
        least: Smallest share of a split, from 0 to 1.
        name: Name of the dataset, for the message.
        rejected: File that lists the tracks without audio, for the message.

    Raises:
        TagbenchError: A split has less than ``least`` of its tracks.
    """
    for split, count in expected.counts.items():
        if counts.get(split, 0) < least * count:
            raise TagbenchError(
                f"{name}: {counts.get(split, 0):,} of {count:,} {split} tracks have audio that can "
                f"be decoded; at least {least:.0%} are required for results of {name}. The missing "
                f"tracks and the reasons are in {rejected}, or run tagbench prepare --check. To "
                "continue with an incomplete corpus, which has tables of its own, set "
                "partial: true in the params of a dataset YAML."
            )


def absent_files(tracks: Iterable[Track]) -> list[tuple[str, Path]]:
    """Return the split and the path of each track whose file does not exist, by its stamp."""
    return [
        (track.split, track.source.path)
        for track in tracks
        if isinstance(track.source, FileSource) and not track.stamp
    ]


def describe_absent_files(absent: Sequence[tuple[str, Path]], expected: Expected) -> str:
    """Count absent files by split, and name the first.

    Args:
        absent: Split and path of each; see `absent_files`.
        expected: The published counts.

    Returns:
        A text such as ``"2 of 443 train, 1 of 290 test tracks, such as audio/pop.00001.wav"``.
    """
    lost = Counter(split for split, _ in absent)
    counts = ", ".join(
        f"{lost[split]:,} of {count:,} {split}"
        for split, count in expected.counts.items()
        if lost[split]
    )
    return f"{counts} tracks, such as {absent[0][1]}"


def describe_absent(
    tracks: Iterable[Track], present: Iterable[str], split: str, expected: Expected
) -> str:
    """Describe which tracks of a split a corpus lacks; empty if it lacks none.

    Args:
        tracks: The published list, without tracks that are known to have no audio.
        present: Track ids of the corpus.
        split: The split.
        expected: The published counts.

    Returns:
        A text such as ``"2 of 443 train tracks are missing (jazz.00054, pop.00001)"``.
    """
    available = set(present)
    listed = [track.track_id for track in tracks if track.split == split]
    absent = sorted(track_id for track_id in listed if track_id not in available)
    if not absent:
        return ""
    more = f" and {len(absent) - _NAMED:,} more" if len(absent) > _NAMED else ""
    return (
        f"{len(absent):,} of {expected.counts[split]:,} {split} tracks are missing "
        f"({', '.join(absent[:_NAMED])}{more})"
    )
