"""MagnaTagATune: 29-second clips of Magnatune music with tags from a game (Law et al., 2009)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Literal, Unpack

from datamodules.corpus.track import Track
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.perturbed_tags import read_tag_table
from datamodules.labels.vocabularies import MTAT_TOP50, MTAT_TOP50_LEE
from datamodules.published_dataset import PublishedDataset, PublishedOptions
from datamodules.published_facts import bibtex, load_facts

TagSet = Literal["top50", "top50_lee", "top10", "all"]
Clips = Literal["tagged", "all"]

_FACTS = load_facts("magnatagatune")
# By the first letter of a clip's folder, as in publications since Dieleman and Schrauwen (2014).
_SPLITS = {"c": "valid", "d": "test", "e": "test", "f": "test"}
_TAGS = {"top50": MTAT_TOP50, "top50_lee": MTAT_TOP50_LEE, "top10": MTAT_TOP50[:10]}

_TAG_TABLE = read_tag_table("mtat")


class MagnaTagATune(PublishedDataset):
    """25,863 clips by 230 artists with 188 tags; by default the 50 most frequent tags.

    The split is by folder: ``0`` to ``b`` train, ``c`` valid, ``d`` to ``f`` test. No song and no
    album is in two splits, but artists are: 45 of the 75 test artists are in train, too. With
    ``clips: tagged`` it is the split of Won et al. (2020), clip by clip. With ``clips: all``, which
    keeps clips that have none of the tags, it is that of musicnn (Pons et al., 2018).

    Args:
        tag_set: ``top50`` in the order of Won et al. (2020), ``top50_lee`` in that of Lee et al.
            (2017), ``top10``, or ``all`` 188 in the order of the annotation file.
        clips: ``tagged`` leaves out clips without any tag of the set; ``all`` keeps them.
        **published: See `PublishedDataset`.
    """

    name = "mtat"
    release = "magnatagatune 2009"
    licence = "CC BY-NC-SA 1.0 (Magnatune)"
    access = "open"
    homepage = "https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset"
    citation = bibtex("law2009evaluation")
    tags_changed_by = _TAG_TABLE.changes
    categories = _TAG_TABLE.categories
    annotations: ClassVar[RemoteFile] = _FACTS.single("annotations")
    clip_info: ClassVar[RemoteFile] = _FACTS.single("clip_info")
    archives = _FACTS.files["archives"]["all"]
    archives_are_parts = True
    archive_bytes = _FACTS.archive_bytes["all"]
    clip_seconds: ClassVar[float] = 29.124
    errata = _FACTS.errata
    expected_by_variant = _FACTS.expected

    def __init__(
        self,
        *,
        tag_set: TagSet = "top50",
        clips: Clips = "tagged",
        **published: Unpack[PublishedOptions],
    ) -> None:
        super().__init__(**published)
        self.check_choices(tag_set=tag_set, clips=clips)
        self.tag_set = tag_set
        self.clips = clips
        # The order of the tags does not change the tracks.
        self.variant = f"{tag_set.removesuffix('_lee')}/{clips}"

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the set."""
        return self.tags_of_set

    @cached_property
    def tags_of_set(self) -> tuple[str, ...]:
        """The tags that ``tag_set`` names."""
        if self.tag_set in _TAGS:
            return _TAGS[self.tag_set]
        with self.file(self.annotations).open(encoding="ascii", newline="") as lines:
            return tuple(next(csv.reader(lines, delimiter="\t"))[1:-1])

    def list_tracks(self) -> Sequence[Track]:
        """Return the annotated clips, split by folder."""
        tracks = []
        songs = self._songs()
        with self.file(self.annotations).open(encoding="ascii", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                tags = [tag for tag in self.tags_of_set if row[tag] == "1"]
                if not tags and self.clips == "tagged":
                    continue
                path = row["mp3_path"]
                artist, album, number = songs[row["clip_id"]]
                tracks.append(
                    self.track(
                        row["clip_id"],
                        _SPLITS.get(path[0], "train"),
                        tags,
                        path,
                        artist=artist,
                        album=album,
                        song=f"{album}#{number}",
                        seconds=self.clip_seconds,
                    )
                )
        return tracks

    def _songs(self) -> dict[str, tuple[str, str, str]]:
        """Return artist, address of the album, and track number by clip id."""
        with self.file(self.clip_info).open(encoding="ascii", newline="") as lines:
            return {
                row["clip_id"]: (row["artist"], row["url"], row["track_number"])
                for row in csv.DictReader(lines, delimiter="\t")
            }
