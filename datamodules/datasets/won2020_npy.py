"""Arrays and split files of the reference implementation of Won et al. (2020)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Unpack

from datamodules.annotations.won2020_folders import HOMEPAGE, find_arrays, find_split_files
from datamodules.annotations.won2020_splits import LAYOUTS, Layout
from datamodules.base import Loading
from datamodules.corpus.track import Track
from datamodules.datasets.magnatagatune import MagnaTagATune
from datamodules.datasets.million_song import MillionSongDataset
from datamodules.datasets.mtg_jamendo import Jamendo
from datamodules.labels.perturbed_tags import by_category, by_prefix, within
from datamodules.published_dataset import PublishedDataset
from datamodules.published_facts import bibtex, load_facts

_DATASETS: dict[str, type[PublishedDataset]] = {
    "mtat": MagnaTagATune,
    "msd": MillionSongDataset,
    "jamendo": Jamendo,
}


class ReferenceTree(PublishedDataset):
    """Arrays of 16 kHz mono audio, with the split files of the code of Won et al. (2020).

    Both are read as they are; nothing is downloaded or converted. The splits are complete: they
    include the tracks that the reference's loader of the Million Song Dataset leaves out. Track ids
    of MagnaTagATune are the paths of the MP3 files, from which artist, album and song are read.

    Args:
        layout: Dataset: ``mtat``, ``msd`` or ``jamendo``.
        data: Folder of the arrays, or the data path of the reference implementation:
            ``[mtat/npy/][<folder>/]<clip>.npy``, ``[msd/npy/]A/B/C/<id>.npy``,
            ``[mtg-jamendo/npy/]NN/<id>.npy``.
        splits: Folder of the split files, or of a checkout of the reference implementation. By
            default, ``data`` and the folders above it are searched.
        partial: See `PublishedDataset`.
        **loading: See `TaggingDataModule`.
    """

    name = "reference_tree"
    release = "sota-music-tagging-models"
    licence = "that of the dataset"
    access = "bring your own"
    homepage = HOMEPAGE
    citation = bibtex("won2020evaluation")
    source_parameters = ("audio_dir", "data", "splits")  # the digest of the lists is checked
    expected_by_variant: ClassVar = {
        "mtat": load_facts("won2020_npy").expected["mtat"],
        "msd": MillionSongDataset.expected_by_variant["lee"],
        "jamendo": Jamendo.expected_by_variant["top50/0"],
    }  # fmt: skip

    def __init__(
        self,
        *,
        layout: Literal["mtat", "msd", "jamendo"],
        data: str,
        splits: str = "",
        partial: bool = False,
        **loading: Unpack[Loading],
    ) -> None:
        super().__init__(audio_dir=data, partial=partial, **loading)
        self.check_choices(layout=layout)
        self.layout = self.variant = layout
        self.data = data
        self.splits = splits

    @cached_property
    def audio_root(self) -> Path:
        """Folder of the arrays."""
        return find_arrays(super().audio_root, self._layout)

    @cached_property
    def lists(self) -> Path:
        """Folder of the split files."""
        return find_split_files(Path(self.data), self.splits, self.layout, self._layout)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags, in the order of the outputs of the reference models."""
        return self._layout.tags(self.lists)

    def unstable_tags(self, tags: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the unstable tags of the dataset of this layout."""
        return within(_DATASETS[self.layout].tags_changed_by, tags)

    def tag_categories(self, tags: Sequence[str]) -> dict[str, str]:
        """Return the tag categories of the dataset of this layout."""
        return by_category(_DATASETS[self.layout].categories, tags) or by_prefix(tags)

    def list_tracks(self) -> Sequence[Track]:
        """Read the split files, and find the array of each track."""
        is_flat = self._is_flat()
        tracks = []
        for entry in self._layout.read(self.lists, self.tags, self.expected.train):
            path = entry.path.rpartition("/")[2] if is_flat else entry.path
            tracks.append(self.track(**vars(entry) | {"path": path, "label": entry.path}))
        return tracks

    @property
    def _layout(self) -> Layout:
        return LAYOUTS[self.layout]

    def _is_flat(self) -> bool:
        """Tell whether all arrays are in one folder, as the reference writes MagnaTagATune."""
        return next(self.audio_root.glob("*.npy"), None) is not None
