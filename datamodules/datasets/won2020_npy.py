"""The data of users of the reference implementation: their ``.npy`` files and its split files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from datamodules.annotations.won2020_splits import LAYOUTS, Layout
from datamodules.base import Loading
from datamodules.common.errors import TagbenchError
from datamodules.corpus.completeness import Expected
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
    """Arrays of 16 kHz mono audio and the lists that Won et al. (2020) published with their code.

    Both are read as they are, nothing is downloaded or converted beforehand. Splits are whole:
    the tracks that the reference's loader of the Million Song Dataset leaves out are in them.
    MagnaTagATune's clips are known by their mp3 path; artist, album and song are read off it.

    Args:
        layout: Which dataset it is: ``mtat``, ``msd`` or ``jamendo``.
        data: Folder of the arrays, or what the reference calls its data path:
            ``[mtat/npy/][<folder>/]<clip>.npy``, ``[msd/npy/]A/B/C/<id>.npy``,
            ``[mtg-jamendo/npy/]NN/<id>.npy``.
        splits: Folder of the split files, or of the reference's checkout. By default they are
            looked for in and around ``data``.
        partial: See `PublishedDataset`.
        **loading: See `TaggingDataModule`.
    """

    name = "reference_tree"
    release = "sota-music-tagging-models"
    licence = "that of the dataset"
    access = "bring your own"
    homepage = "https://github.com/minzwon/sota-music-tagging-models"
    citation = bibtex("won2020evaluation")
    expected_by_variant: ClassVar[dict[str, Expected]] = {
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
        self.layout = layout
        self.data = data
        self.splits = splits

    def identity(self) -> dict[str, Any]:
        """Return the parameters, without places: the lists are proved, whichever these are."""
        found = super().identity()
        del found["data"], found["splits"]
        return found

    @cached_property
    def audio_root(self) -> Path:
        """Folder of the arrays."""
        data = super().audio_root
        folder = self._layout.folder
        places = (data / folder / "npy", data / "npy", data / folder)
        return next((place for place in places if place.is_dir()), data)

    @cached_property
    def lists(self) -> Path:
        """Folder of the split files.

        Raises:
            TagbenchError: If they are nowhere.
        """
        data = Path(self.data).expanduser().absolute()
        bases = [Path(self.splits).expanduser()] if self.splits else [data, *data.parents[:3]]
        folder = self._layout.folder
        for base in bases:
            for place in (base, base / folder, base / "split" / folder):
                if all((place / name).is_file() for name in self._layout.files):
                    return place
        looked = self.splits or f"{data} and the folders above it"
        raise TagbenchError(
            f"No split files of {self.layout} in {looked}: expected "
            f"{', '.join(self._layout.files)}, or these in split/{folder} as in a checkout of "
            f"{self.homepage}. Name their folder in a YAML: params: {{layout: {self.layout}, "
            "data: ..., splits: ...}"
        )

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The classes, in the order of the reference's outputs."""
        return self._layout.tags(self.lists)

    def unstable_tags(self, tags: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return those that the dataset itself names."""
        return within(_DATASETS[self.layout].tags_changed_by, tags)

    def tag_categories(self, tags: Sequence[str]) -> dict[str, str]:
        """Return those of the dataset itself."""
        return by_category(_DATASETS[self.layout].categories, tags) or by_prefix(tags)

    @property
    def expected(self) -> Expected:
        """What the lists of the reference hold."""
        return self.expected_by_variant[self.layout]

    def list_tracks(self) -> Sequence[Track]:
        """Read the lists, and look where each array lies."""
        flat = self._is_flat()
        return [
            self.track(
                entry.track_id,
                entry.split,
                entry.tags,
                entry.path.rpartition("/")[2] if flat else entry.path,
                label=entry.path,
                artist=entry.artist,
                album=entry.album,
                song=entry.song,
                seconds=entry.seconds,
            )
            for entry in self._layout.read(self.lists, self.tags, self.expected.train)
        ]

    @property
    def _layout(self) -> Layout:
        return LAYOUTS[self.layout]

    def _is_flat(self) -> bool:
        """Tell whether arrays lie in one folder, as the reference writes those of MagnaTagATune."""
        return next(self.audio_root.glob("*.npy"), None) is not None
