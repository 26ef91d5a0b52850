"""Splits of the Million Song Dataset, put together from the lists of their publishers.

Choi et al. (2016), Lee et al. (2017), Pons et al. (2018, musicnn) and Won et al. (2021, CALS)
publish ids and labels in different formats (`datamodules.annotations.msd_lists`).

Two pairs of training tracks are one recording each: they share a 7digital clip. Won et al. (2020)
skip 54 ids, those four and 50 that Lee had left out, and their loader never reads the last 54
tracks of each split. The splits here are complete.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from datamodules.annotations import msd_lists
from datamodules.annotations.entry import Entry
from datamodules.annotations.msd_lists import Listed
from datamodules.annotations.msd_metadata_db import Origin
from datamodules.corpus.track import SPLITS

_UNKNOWN = Origin("", "", "")

Splits = Mapping[str, Listed]
"""Tracks by split."""


def list_entries(
    splits: Splits, tags: Sequence[str], origins: Mapping[str, Origin]
) -> Iterator[Entry]:
    """Yield the tracks of all splits.

    Args:
        splits: The splits.
        tags: Names of the columns of the labels.
        origins: Artist, album and song of tracks, by MSD id, as far as they are known.
    """
    names = np.array(tags, dtype=object)
    for split, listed in splits.items():
        for track, labels in zip(listed.ids, listed.labels, strict=True):
            origin = origins.get(track, _UNKNOWN)
            yield Entry(
                track,
                split,
                tuple(names[labels]),
                artist=origin.artist,
                album=origin.album,
                song=origin.song,
            )


@dataclass(frozen=True)
class MsdSplits:
    """Reader of the splits.

    Attributes:
        path: Returns the path of a list, by its group and variant in
            ``datasets/files/million_song.json``.
        classes: Number of tags.
        lee_train: Number of training tracks of Lee et al.; the validation tracks follow.
        short_clips: 7digital ids of the clips that Lee et al. leave out.
    """

    path: Callable[[str, str], Path]
    classes: int
    lee_train: int
    short_clips: Collection[str]

    def read(self, split: str, lists: str) -> Splits:
        """Return one of the splits.

        Args:
            split: ``"lee"``, ``"choi"`` or ``"cals"``.
            lists: Origin of the lists of ``lee``; the tracks are the same. ``"choi"`` derives them
                from Choi's lists (text and arrays), ``"musicnn"`` reads tables (text, 41 MB), and
                ``"lee"`` reads the pickles of the split's authors, of which only plain data is
                loaded. The other splits have one origin.
        """
        readers: dict[tuple[str, str], Callable[[], Splits]] = {
            ("cals", "choi"): self.cals,
            ("choi", "choi"): self.choi,
            ("lee", "choi"): self.lee_from_choi,
            ("lee", "musicnn"): self.lee_from_tables,
            ("lee", "lee"): self.lee_from_pickles,
        }
        return readers[split, lists]()

    def read_clips(self, split: str, lists: str) -> Mapping[str, str]:
        """Return the 7digital id of tracks of a split, by MSD id; see `read`."""
        is_pickled = split == "cals" or lists == "lee"
        return self.lee_clips() if is_pickled else self.choi_clips

    def choi(self) -> Splits:
        """Return the splits of Choi et al.: ids in text, labels in arrays."""
        return {split: self._choi_split(split) for split in SPLITS}

    def cals(self) -> Splits:
        """Return the splits of Won et al. (2021): ids and labels in arrays."""
        splits = {}
        for split in SPLITS:
            ids = msd_lists.read_id_array(self.path("cals_ids", split))
            splits[split] = Listed(ids, self._labels("cals_labels", split, len(ids)))
        return splits

    def lee_from_tables(self) -> Splits:
        """Return the splits of Lee et al. from the tables of musicnn."""
        return {
            split: msd_lists.read_table(self.path("musicnn_tables", split), self.classes)
            for split in SPLITS
        }

    def lee_from_choi(self) -> Splits:
        """Return the splits of Lee et al., derived from those of Choi et al.

        Short clips are left out; the other training and validation tracks, in the order of their
        ids, are divided after ``lee_train`` tracks.
        """
        choi = self.choi()
        ids = [*choi["train"].ids, *choi["valid"].ids]
        pool = Listed(ids, np.concatenate([choi["train"].labels, choi["valid"].labels]))
        rows = sorted(self._long_enough(pool), key=ids.__getitem__)
        test = choi["test"]
        return {
            "train": pool.take(rows[: self.lee_train]),
            "valid": pool.take(rows[self.lee_train :]),
            "test": test.take(self._long_enough(test)),
        }

    def lee_from_pickles(self) -> Splits:
        """Return the splits of Lee et al. from the pickles that they publish."""
        pool = msd_lists.unpickle_ids(self.path("lee_train", "all"))
        test = msd_lists.unpickle_ids(self.path("lee_test", "all"))
        ids = {"train": pool[: self.lee_train], "valid": pool[self.lee_train :], "test": test}
        every = [track for split in SPLITS for track in ids[split]]
        labels = msd_lists.unpickle_labels(self.path("lee_labels", "all"), every, self.classes)
        by_split = zip(SPLITS, np.split(labels, [self.lee_train, len(pool)]), strict=True)
        return {split: Listed(ids[split], split_labels) for split, split_labels in by_split}

    @cached_property
    def choi_clips(self) -> dict[str, str]:
        """7digital id of each track of Choi et al., and so of Lee et al., by MSD id."""
        clips: dict[str, str] = {}
        for split in SPLITS:
            ids = msd_lists.read_ids(self.path("choi_ids", split))
            sevendigital = msd_lists.read_clips(self.path("choi_clips", split), len(ids))
            clips.update(zip(ids, sevendigital, strict=True))
        return clips

    def lee_clips(self) -> dict[str, str]:
        """Return the 7digital id of every track, by MSD id, from a pickle of Lee et al."""
        return msd_lists.unpickle_clips(self.path("lee_clips", "all"))

    def _choi_split(self, split: str) -> Listed:
        ids = msd_lists.read_ids(self.path("choi_ids", split))
        return Listed(ids, self._labels("choi_labels", split, len(ids)))

    def _labels(self, group: str, split: str, tracks: int) -> msd_lists.Labels:
        return msd_lists.read_labels(self.path(group, split), tracks, self.classes)

    def _long_enough(self, listed: Listed) -> list[int]:
        """Return the rows of tracks whose clip is not short."""
        clips = self.choi_clips
        return [row for row, track in enumerate(listed.ids) if clips[track] not in self.short_clips]
