"""MTG-Jamendo: whole tracks with tags of genre, instrument, mood (Bogdanov et al., 2019)."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Unpack

from datamodules.annotations.jamendo_checksums import read_checksums
from datamodules.annotations.jamendo_tsv import read_rows
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import Track, fixed_stamp
from datamodules.download.remote_file import RemoteFile
from datamodules.download.verified_members import VerifiedMembers
from datamodules.labels.perturbed_tags import by_prefix, read_tag_table
from datamodules.labels.vocabularies import JAMENDO_TOP50
from datamodules.published_dataset import PublishedDataset, PublishedOptions
from datamodules.published_facts import bibtex, load_facts

Subset = Literal["all", "top50", "genre", "instrument", "moodtheme"]
Quality = Literal["audio-low", "audio"]

SUBSETS = ("all", "top50", "genre", "instrument", "moodtheme")
_FACTS = load_facts("mtg_jamendo")
_SPLITS = ("train", "valid", "test")  # the order of the three lists of a subset
_TARS = 100  # of each kind; the last two digits of a track's number are those of its tar
_LARGEST = 1.3  # upper bound of the size of a tar, as a multiple of the mean size

_TAG_TABLE = read_tag_table("jamendo")


class Jamendo(PublishedDataset):
    """55,525 tracks by 3,565 artists with 183 tags; by default the 50 most frequent tags.

    The publisher's five splits contain the same tracks. In each of them, no artist is in two parts,
    and every tag is in all three. 465 groups of tracks are copies of one file, and a few groups
    cross parts. The official splits keep them, and so does this class.

    The audio is published in a hundred tar archives. Each is downloaded, verified, unpacked as far
    as the subset needs it, and deleted before the next one, so that the disk never holds more than
    one. Prepared audio is identified by the sha256 of its file, so another subset or split does not
    download or decode it again. ``moodtheme`` has archives of its own, less than a third of the
    size, which are used for it; a file in both collections has one sha256.

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
    tags_changed_by = _TAG_TABLE.changes
    hosts: ClassVar[tuple[str, ...]] = _FACTS.hosts
    lists: ClassVar[Mapping[str, tuple[RemoteFile, ...]]] = dict(_FACTS.files["lists"])
    checksum_lists: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("checksums")
    expected_by_variant: ClassVar[Mapping[str, Expected]] = _FACTS.expected

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
        self._variant = f"{subset}/{split}"
        if self._variant not in self.expected_by_variant:
            raise unknown_name("split", str(split), "01234", "jamendo: split")
        self.subset = subset
        self.split = split
        self.audio = audio
        self._collection = "autotagging_moodtheme" if subset == "moodtheme" else "raw_30s"
        self._tar_stem = f"{self._collection}_{audio}"
        self.archive_bytes = _FACTS.archive_bytes[self._tar_stem]

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags of the subset, sorted as in every list of the publisher."""
        if self.subset == "top50":
            return JAMENDO_TOP50
        return tuple(sorted({tag for _, row in self._rows() for tag in row[5:]}))

    def tag_categories(self, tags: Sequence[str]) -> dict[str, str]:
        """Return the prefix of each tag, such as ``genre``."""
        return by_prefix(tags)

    @property
    def expected(self) -> Expected:
        """Counts and digest of the publisher's lists."""
        return self.expected_by_variant[self._variant]

    @cached_property
    def audio_root(self) -> Path:
        """Folder of the audio; unpacked files are in the folder of the corpus that needs them."""
        return super().audio_root if self.audio_dir else self.corpus_root / "unpacked"

    def list_tracks(self) -> Sequence[Track]:
        """Return the tracks of the subset and split."""
        return [self._track(split, row) for split, row in self._rows()]

    def supply(self, missing: Sequence[Track]) -> Iterator[Sequence[Track]]:
        """Unpack one tar after the other, of those that contain missing tracks."""
        if self.audio_dir:
            yield from super().supply(missing)
            return
        tracks_of: dict[str, list[Track]] = defaultdict(list)
        for track in missing:
            tracks_of[track.source.label.partition("/")[0]].append(track)
        tars = {folder: self._tar(folder, tracks) for folder, tracks in sorted(tracks_of.items())}
        self._announce_tars(tars.values(), missing)
        for number, (folder, tar) in enumerate(tars.items(), 1):
            self.progress.announce(f"{self.name}: {tar.archive.name} ({number} of {len(tars)})")
            tar.unpack(self.progress)
            yield tracks_of[folder]
            shutil.rmtree(self.audio_root)

    def prepare_data(self) -> None:
        """Prepare the corpus; see `PublishedDataset.prepare_data`."""
        super().prepare_data()
        if not self.audio_dir:
            shutil.rmtree(self.audio_root, ignore_errors=True)  # of a run that was killed

    def _rows(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the split and the columns of each track."""
        for remote, split in zip(self.lists[self._variant], _SPLITS, strict=True):
            for row in read_rows(self.file(remote)):
                yield split, row

    def _track(self, split: str, row: Sequence[str]) -> Track:
        track_id, artist, album, path, seconds, *tags = row
        if self.audio == "audio-low":
            path = f"{path.removesuffix('.mp3')}.low.mp3"
        track = self.track(
            track_id, split, tags, path, artist=artist, album=album, seconds=float(seconds)
        )
        if self.audio_dir:
            return track
        return replace(track, stamp=fixed_stamp(self._checksum("tracks", path)))

    def _announce_tars(self, tars: Iterable[VerifiedMembers], tracks: Sequence[Track]) -> None:
        """Estimate the download from the mean size of a tar; single sizes are not published."""
        needed = sum(not tar.are_unpacked() for tar in tars)
        mean = self.archive_bytes // _TARS
        hours = sum(track.seconds or 0 for track in tracks) / 3600
        self.progress.announce(
            f"{self.name}: {needed} of {_TARS} tar archives are needed. Each is deleted when its "
            "tracks are unpacked, and these when they are decoded, before the next one is "
            "downloaded."
        )
        # On the disk at a time: a tar, and the files that are unpacked from it.
        peak = round(2 * _LARGEST * mean)
        self.announce_download(needed * mean, hours=hours, peak_bytes=peak)

    def _tar(self, folder: str, tracks: Sequence[Track]) -> VerifiedMembers:
        """Return the archive of a folder, with the checksums of the files of ``tracks``."""
        name = f"{self._tar_stem}-{folder}.tar"
        urls = tuple(f"{host}{self._collection}/{self.audio}/{name}" for host in self.hosts)
        checksum = f"sha256:{self._checksum('tars', name)}"
        return VerifiedMembers(
            RemoteFile(name, urls, checksum, kind="tar"),
            {track.source.label: self._checksum("tracks", track.source.label) for track in tracks},
            self.downloads,
            self.audio_root,
            checksum_lists=self.downloads / "download",
        )

    def _checksum(self, kind: Literal["tars", "tracks"], name: str) -> str:
        if name not in self._checksums[kind]:
            path = self.downloads / self.checksum_lists[f"{self._tar_stem}/{kind}"].name
            raise TagbenchError(
                f"{path} has no checksum of {name}. Delete the file and run the same command again."
            )
        return self._checksums[kind][name]

    @cached_property
    def _checksums(self) -> dict[str, dict[str, str]]:
        """The sha256 of each tar and of each track, by name."""
        return {
            kind: read_checksums(self.file(self.checksum_lists[f"{self._tar_stem}/{kind}"]))
            for kind in ("tars", "tracks")
        }
