"""MTG-Jamendo: whole tracks with tags of genre, instrument, mood (Bogdanov et al., 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import ClassVar, Literal, Unpack

from datamodules.annotations.entry import Entry
from datamodules.annotations.jamendo_tsv import read_entries
from datamodules.common.errors import unknown_name
from datamodules.corpus.track import SPLITS, Track
from datamodules.download.archive_set import ArchiveSet
from datamodules.download.checksum_list import ChecksumList
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.perturbed_tags import by_prefix, read_tag_table
from datamodules.labels.vocabularies import JAMENDO_TOP50
from datamodules.many_archives_dataset import ManyArchivesDataset
from datamodules.published_dataset import PublishedOptions
from datamodules.published_facts import bibtex, load_facts

Subset = Literal["all", "top50", "genre", "instrument", "moodtheme"]
Quality = Literal["audio-low", "audio"]

_FACTS = load_facts("mtg_jamendo")
_TAG_TABLE = read_tag_table("jamendo")


class Jamendo(ManyArchivesDataset):
    """55,525 tracks by 3,565 artists with 183 tags; by default the 50 most frequent tags.

    The publisher's five splits contain the same tracks. In each of them, no artist is in two parts,
    and every tag is in all three. 465 groups of tracks are copies of one file, and a few groups
    cross parts. The official splits keep them, and so does this class.

    The audio is published in a hundred tar archives, which are unpacked one after the other
    (`datamodules.many_archives_dataset`). ``moodtheme`` has archives of its own, less than a third
    of the size, which are used for it; a file in both collections has one sha256.

    The publisher states the size of the archives in GB and means GiB: the sizes of the single files
    add up to 545 GB, not 508 GB.

    Args:
        subset: Tracks and tags: ``all``, ``top50``, ``genre``, ``instrument`` or ``moodtheme``.
        split: Number of the split, from 0 to 4. Publications use 0 unless they state another.
        audio: ``audio-low`` (mono, variable rate; 168 GB, or 49 GB for ``moodtheme``) or
            ``audio`` (320 kb/s; 545 GB or 163 GB).
        **published: See `PublishedDataset`.
    """

    name = "jamendo"
    release = "mtg-jamendo 2019"
    licence = "audio: Creative Commons, by track (audio_licenses.txt); metadata: CC BY-NC-SA 4.0"
    access = "open"
    homepage = "https://github.com/MTG/mtg-jamendo-dataset"
    citation = bibtex("bogdanov2019mtg")
    archive_count = 100  # the last two digits of a track's number are those of its archive
    tags_changed_by = _TAG_TABLE.changes
    hosts: ClassVar[tuple[str, ...]] = _FACTS.hosts
    lists: ClassVar[Mapping[str, tuple[RemoteFile, ...]]] = dict(_FACTS.files["lists"])
    checksum_lists: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("checksums")
    expected_by_variant = _FACTS.expected

    def __init__(
        self,
        *,
        subset: Subset = "top50",
        split: int = 0,
        audio: Quality = "audio-low",
        **published: Unpack[PublishedOptions],
    ) -> None:
        super().__init__(**published)
        self.check_choices(subset=subset, audio=audio)
        self.variant = f"{subset}/{split}"
        if self.variant not in self.expected_by_variant:
            raise unknown_name("split", str(split), "01234", "jamendo: split")
        self.subset = subset
        self.split = split
        self.audio = audio
        self._collection = "autotagging_moodtheme" if subset == "moodtheme" else "raw_30s"
        self._archives = f"{self._collection}_{audio}"
        self.archive_bytes = _FACTS.archive_bytes[self._archives]

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags of the subset, sorted as in every list of the publisher."""
        if self.subset == "top50":
            return JAMENDO_TOP50
        return tuple(sorted({tag for entry in self.entries() for tag in entry.tags}))

    def tag_categories(self, tags: Sequence[str]) -> dict[str, str]:
        """Return the prefix of each tag, such as ``genre``."""
        return by_prefix(tags)

    def list_tracks(self) -> Sequence[Track]:
        """Return the tracks of the subset and split."""
        suffix = ".low.mp3" if self.audio == "audio-low" else ".mp3"
        return [
            self.track(**vars(entry) | {"path": f"{entry.path.removesuffix('.mp3')}{suffix}"})
            for entry in self.entries()
        ]

    def entries(self) -> Iterator[Entry]:
        """Yield the rows of the lists."""
        for remote, split in zip(self.lists[self.variant], SPLITS, strict=True):
            yield from read_entries(self.file(remote), split)

    @cached_property
    def archive_set(self) -> ArchiveSet:
        """The archives of the collection in one quality."""
        stem = self._archives
        return ArchiveSet(
            stem,
            tuple(f"{host}{self._collection}/{self.audio}/" for host in self.hosts),
            archives=ChecksumList.read(self.file(self.checksum_lists[f"{stem}/tars"])),
            members=ChecksumList.read(self.file(self.checksum_lists[f"{stem}/tracks"])),
            downloads=self.downloads,
            into=self.audio_root,
        )
