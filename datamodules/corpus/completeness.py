"""Whether a list of tracks is the published one, and whether enough of its audio is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.common.errors import TagbenchError
from datamodules.corpus.digests import split_digest
from datamodules.corpus.track import Track


@dataclass(frozen=True)
class Expected:
    """What a complete list of tracks holds.

    Attributes:
        classes: Number of tags.
        train: Number of training tracks.
        valid: Number of validation tracks.
        test: Number of test tracks.
        digest: Digest of the split (`datamodules.corpus.digests.split_digest`); empty where
            the publisher's lists have not been available.
        hours: Duration of all audio in hours, where known.
    """

    classes: int
    train: int
    valid: int
    test: int
    digest: str = ""
    hours: float | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Number of tracks by split."""
        return {"train": self.train, "valid": self.valid, "test": self.test}


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
