"""The clips of MagnaTagATune that have no tag of a set, as a dataset without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

from datamodules.corpus.track import UNLABELLED, Track
from datamodules.datasets.magnatagatune import MagnaTagATune, TagSet
from datamodules.published_dataset import PublishedOptions


class MagnaTagATuneUntagged(MagnaTagATune):
    """Clips that `MagnaTagATune` leaves out with ``clips: tagged``; 4,752 for the top 50.

    All are in the split ``unlabelled``, for stages that train on audio without labels. Of the
    4,752, 997 are from the folders of the test split and 296 from those of the validation split:
    they belong to songs of which other clips are scored. ``only_training`` leaves these out.

    Args:
        tag_set: Tags that the clips do not have, see `MagnaTagATune`.
        only_training: Whether to keep only clips from the folders of the training split.
        **published: See `PublishedDataset`.
    """

    def __init__(
        self,
        *,
        tag_set: TagSet = "top50",
        only_training: bool = False,
        **published: Unpack[PublishedOptions],
    ) -> None:
        super().__init__(tag_set=tag_set, clips="all", **published)
        self.only_training = only_training
        # Without their labels, these clips are another dataset than all clips are.
        self.clips = "untagged"  # type: ignore[assignment]
        kept = "/training" if only_training else ""
        self.variant = f"{tag_set.removesuffix('_lee')}/untagged{kept}"

    @property
    def tags(self) -> tuple[str, ...]:
        """No tags."""
        return ()

    def list_tracks(self) -> Sequence[Track]:
        """Return the clips without a tag of the set."""
        return [
            replace(track, split=UNLABELLED)
            for track in super().list_tracks()
            if not track.tags and (track.split == "train" or not self.only_training)
        ]
