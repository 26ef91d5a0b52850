"""MagnaTagATune with a random split by clip, as in Neacsu (2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from datamodules.corpus.track import Track
from datamodules.datasets.magnatagatune import Clips, MagnaTagATune, TagSet
from datamodules.labels.random_split import hold_out_tracks
from datamodules.published_dataset import PublishedOptions

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from datamodules.loaders.batch import Batch
    from datamodules.loaders.windowing import Windowing


class MagnaTagATuneRandom(MagnaTagATune):
    """Nine tenths of the clips for training and one tenth for the test, drawn by clip.

    Neacsu (2024) scores networks on the validation clips, and does not list them; these are drawn
    from a fixed seed. The test clips are therefore also those of the validation: the choice of the
    best epoch has seen them. Clips of one song can be in both parts. Scores are higher than on the
    split by folder.

    Args:
        tag_set: See `MagnaTagATune`.
        clips: See `MagnaTagATune`.
        **published: See `PublishedDataset`.
    """

    def __init__(
        self,
        *,
        tag_set: TagSet = "top10",
        clips: Clips = "tagged",
        **published: Unpack[PublishedOptions],
    ) -> None:
        super().__init__(tag_set=tag_set, clips=clips, **published)
        self.variant = f"{self.variant}/random"

    def identity(self) -> dict[str, Any]:
        """Return the parameters and the kind of the split, on which the corpus depends."""
        return {**super().identity(), "split": "random"}

    def list_tracks(self) -> Sequence[Track]:
        """Return the annotated clips with their split."""
        return hold_out_tracks(super().list_tracks(), share=0.1, seed=0)

    def _eval_loader(self, split: str, windowing: Windowing) -> DataLoader[Batch]:
        return super()._eval_loader("test" if split == "valid" else split, windowing)
