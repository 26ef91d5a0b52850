"""`ManyArchivesDataset`: base class of published datasets whose audio is in many archives."""

from __future__ import annotations

import shutil
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from datamodules.corpus.track import Track, fixed_stamp
from datamodules.download.archive_set import ArchiveSet
from datamodules.download.verified_members import VerifiedMembers
from datamodules.published_dataset import PublishedDataset


class ManyArchivesDataset(PublishedDataset):
    """Base of published datasets with many archives, of which one at a time is on the disk.

    Each archive is downloaded, verified, unpacked as far as the corpus needs it, and deleted before
    the next one. Its files are deleted when they are decoded. Prepared audio is identified by the
    sha256 of its file, so another variant of the dataset does not download or decode it again.

    A subclass implements `archive_set`. The label of a track is the name of its member.

    Attributes:
        archive_count: Number of archives of a variant. Their sizes are estimated from it and from
            ``archive_bytes``, because those of single archives are not published.
        largest_archive: Upper bound of the size of an archive, as a multiple of the mean size.
    """

    archive_count: ClassVar[int]
    largest_archive: ClassVar[float] = 1.3

    @property
    @abstractmethod
    def archive_set(self) -> ArchiveSet:
        """The archives, which are unpacked to `audio_root`."""

    @cached_property
    def audio_root(self) -> Path:
        """Folder of the audio; unpacked files are in the folder of the corpus that needs them."""
        return super().audio_root if self.audio_dir else self.corpus_root / "unpacked"

    def track(
        self,
        track_id: str,
        split: str,
        tags: Sequence[str],
        path: str,
        label: str = "",
        **fields: Any,
    ) -> Track:
        """Build a track of this dataset; see `PublishedDataset.track`."""
        track = super().track(track_id, split, tags, path, label, **fields)
        if self.audio_dir:
            return track
        return replace(track, stamp=fixed_stamp(self.archive_set.members[track.source.label]))

    def supply(self, missing: Sequence[Track]) -> Iterator[Sequence[Track]]:
        """Unpack one archive after the other, of those that contain missing tracks."""
        if self.audio_dir:
            yield from super().supply(missing)
            return
        tracks = {track.source.label: track for track in missing}
        archives = self.archive_set.containing(tracks)
        self._announce_archives(archives, missing)
        for number, members in enumerate(archives, 1):
            title = f"{members.archive.name} ({number} of {len(archives)})"
            self.progress.announce(f"{self.name}: {title}")
            members.unpack(self.progress)
            yield [tracks[name] for name in members.sha256]
            shutil.rmtree(self.audio_root)

    def prepare_data(self) -> None:
        """Prepare the corpus; see `PublishedDataset.prepare_data`."""
        super().prepare_data()
        if not self.audio_dir:
            shutil.rmtree(self.audio_root, ignore_errors=True)  # of a run that was killed

    def _announce_archives(
        self, archives: Sequence[VerifiedMembers], tracks: Sequence[Track]
    ) -> None:
        needed = sum(not members.are_unpacked() for members in archives)
        mean = self.archive_bytes // self.archive_count
        hours = sum(track.seconds or 0 for track in tracks) / 3600
        self.progress.announce(
            f"{self.name}: {needed} of {self.archive_count} tar archives are needed. Each is "
            "deleted when its tracks are unpacked, and these when they are decoded, before the "
            "next one is downloaded."
        )
        # On the disk at a time: an archive, and the files that are unpacked from it.
        peak = round(2 * self.largest_archive * mean)
        self.announce_download(needed * mean, hours=hours, peak_bytes=peak)
