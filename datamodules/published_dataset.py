"""`PublishedDataset`: base class of published datasets.

A subclass declares facts and lists tracks. The base class downloads the lists, verifies them, gets
the audio, prepares the corpus, and reports the tracks that are missing from it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from datamodules.audio.npy_waveform import SUFFIX, NpySource, beside
from datamodules.audio.sources import FileSource, KnownBad
from datamodules.base import Loading, TaggingDataModule
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import replace_file
from datamodules.common.formatting import human_bytes
from datamodules.corpus import completeness
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import Track, fixed_stamp
from datamodules.download.estimate import DownloadEstimate
from datamodules.download.extract import extract
from datamodules.download.fetch import fetch, fetch_all, missing_bytes
from datamodules.download.remote_file import RemoteFile

Access = Literal["open", "request", "bring your own"]


class PublishedOptions(Loading, total=False):
    """Keyword arguments of `PublishedDataset`, which every subclass forwards to it."""

    audio_dir: str
    partial: bool


class PublishedDataset(TaggingDataModule):
    """Base of published datasets.

    A subclass sets the class attributes and `variant`, and implements `list_tracks` and `tags`. It
    calls ``self.file(remote)`` for a metadata file and ``self.track(...)`` for a track.

    Args:
        audio_dir: Folder of audio that is on this machine already, in the publisher's layout;
            empty to download it. It changes where the audio is read from, not which audio it is.
        partial: Whether to continue with a corpus that lacks more than a few tracks. It is
            another corpus, whose results are in tables of their own.
        **loading: See `TaggingDataModule`.

    Attributes:
        variant: Name of the list of tracks with these parameters, in ``expected_by_variant``.
        expected_by_variant: Counts and digest of each list, without ``errata``.
        source_parameters: Parameters that state where lists and audio are read from, and not which
            they are. `identity` leaves them out.
        release: Name of the publisher's version. Prepared audio is reused while it is the same.
        access: How the audio is obtained.
        archives: Files with the audio.
        archives_are_parts: Whether ``archives`` are consecutive parts of one archive.
        archive_bytes: Approximate size of all archives in bytes, for estimates, where the
            publisher does not state the size of each.
        errata: Tracks whose published audio is unusable, by track id, with the reason. They are
            rejected without being decoded, and not counted by ``expected``.
        least_share: Smallest share of each split that must have audio unless ``partial``.
    """

    variant: str
    expected_by_variant: ClassVar[Mapping[str, Expected]]
    source_parameters: ClassVar[Collection[str]] = ("audio_dir",)
    release: ClassVar[str]
    access: ClassVar[Access]
    archives: tuple[RemoteFile, ...] = ()  # not a ClassVar: it depends on the variant
    archives_are_parts: ClassVar[bool] = False
    archive_bytes: int = 0
    errata: Mapping[str, str] = {}
    least_share: ClassVar[float] = 0.98

    def __init__(
        self, *, audio_dir: str = "", partial: bool = False, **loading: Unpack[Loading]
    ) -> None:
        super().__init__(**loading)
        self.audio_dir = audio_dir
        self.partial = partial

    @abstractmethod
    def list_tracks(self) -> Sequence[Track]:
        """Return the tracks of the publisher's lists, including those of ``errata``."""

    @property
    def expected(self) -> Expected:
        """Counts and digest of `list_tracks` with these parameters, without ``errata``."""
        return self.expected_by_variant[self.variant]

    def identity(self) -> dict[str, Any]:
        """Return the parameters, without those that state where lists and audio are read from."""
        parameters = super().identity()
        return {name: parameters[name] for name in parameters if name not in self.source_parameters}

    @property
    def downloads(self) -> Path:
        """Folder of the downloaded files, which all variants of a dataset share."""
        return self.root / "downloads" / self.name

    @cached_property
    def audio_root(self) -> Path:
        """Folder of the audio files.

        Raises:
            TagbenchError: ``audio_dir`` is not a folder.
        """
        if not self.audio_dir:
            return self.downloads / "audio"
        folder = Path(self.audio_dir).expanduser()
        if not folder.is_dir():
            raise TagbenchError(
                f"--audio-dir {self.audio_dir}: no such folder. Expected the audio of {self.name} "
                "in the layout of its publisher."
            )
        return folder

    def file(self, remote: RemoteFile) -> Path:
        """Return the path of a metadata file, downloaded if necessary."""
        return fetch(remote, self.downloads, self.progress)

    def member(self, archive: RemoteFile, name: str) -> Path:
        """Return the path of a member of a metadata archive; no other member is unpacked."""
        path, wanted = self.file(archive), {name}.__contains__
        extract(path, self.downloads, wanted=wanted, progress=self.progress)
        return self.downloads / name

    def track(
        self,
        track_id: str,
        split: str,
        tags: Sequence[str],
        path: str,
        label: str = "",
        **fields: Any,
    ) -> Track:
        """Build a track of this dataset.

        In a folder of the user's own, an array of samples at 16 kHz may replace a file. It has
        the suffix ``.npy`` instead of the publisher's (`datamodules.audio.npy_waveform`).

        Args:
            track_id: See `Track`.
            split: See `Track`.
            tags: The tags that the track has.
            path: Path of the audio below ``audio_root``, with ``/``.
            label: Name of the audio; its path by default. Variants of a dataset share prepared
                audio of the same name, so different audio needs a different name.
            **fields: Other fields of `Track`.
        """
        source = FileSource(self.audio_root / path, label or path)
        stamp = source.stamp() if self.audio_dir else fixed_stamp(self.release)
        if path.endswith(SUFFIX) or not stamp:
            array = NpySource(self.audio_root / beside(path), beside(source.label))
            if array_stamp := array.stamp():
                source, stamp = array, array_stamp
        return Track(track_id, split, tuple(tags), source, stamp=stamp, **fields)

    def build_manifest(self) -> Sequence[Track]:
        """Return the published list of tracks, after comparing it with ``expected``."""
        tracks = self.list_tracks()
        completeness.check_complete(self._without_errata(tracks), self.expected, self.name)
        return [
            replace(track, source=KnownBad(track.source.label, self.errata[track.track_id]))
            if track.track_id in self.errata
            else track
            for track in tracks
        ]

    def supply(self, missing: Sequence[Track]) -> Iterator[Sequence[Track]]:
        """Get the audio of tracks, and yield the tracks when their audio can be read."""
        if self.audio_dir:
            self._check_audio_dir(missing)
        else:
            self.download_audio()
        yield missing

    def download_audio(self) -> None:
        """Download and unpack the archives, unless that has been done.

        Raises:
            TagbenchError: The audio cannot be downloaded.
        """
        if not self.archives:
            raise TagbenchError(
                f"The audio of {self.name} cannot be downloaded ({self.access}). {self.homepage}. "
                f"Name its folder: tagbench prepare --dataset {self.name} --audio-dir FOLDER"
            )
        if self._is_unpacked():
            return
        paths = self.fetch_archives()
        for archive in [paths] if self.archives_are_parts else [[path] for path in paths]:
            extract(
                archive, self.audio_root, wanted=lambda name: bool(self.audio_path(name)),
                rename=self.audio_path, progress=self.progress,
            )  # fmt: skip
        replace_file(self._unpacked_marker, self.release.encode())
        size = human_bytes(sum(path.stat().st_size for path in paths))
        self.progress.announce(
            f"{self.name}: the audio is in {self.audio_root}. The archives in {self.downloads} "
            f"({size}) are no longer needed."
        )

    def fetch_archives(self) -> list[Path]:
        """Download ``archives`` and return their paths."""
        return fetch_all(self.archives, self.downloads, self.progress)

    def audio_path(self, name: str) -> str:
        """Return where a member of an archive goes below ``audio_root``; empty to skip it."""
        return name

    def prepare_data(self) -> None:
        """Prepare the corpus, and report the tracks that are missing from it.

        Raises:
            TagbenchError: More than a few tracks are missing, and not ``partial``.
        """
        if not self.audio_dir and completeness.is_prepared(self.corpus_root, self.expected.digest):
            return
        size, unknown_files = self.missing_bytes()
        if size or unknown_files:
            hours = self.expected.hours or 0
            self.announce_download(size, hours=hours, unknown_files=unknown_files)
        super().prepare_data()
        counts = Counter(self.corpus.info["splits"])
        self._check_share(counts)
        for split, count in self.expected.counts.items():
            if counts[split] < count:
                self._announce_absent(split)

    def announce_download(
        self, size: int, *, hours: float, unknown_files: int = 0, peak_bytes: int | None = None
    ) -> None:
        """Announce a download, and check that the disk can hold it and the corpus.

        Args:
            size: Bytes to be downloaded.
            hours: Duration of the audio to be prepared, in hours.
            unknown_files: See `DownloadEstimate`.
            peak_bytes: See `DownloadEstimate`.

        Raises:
            TagbenchError: The disk has less free space than the estimate.
        """
        corpus_bytes = 2 * self.sample_rate * 3600 * hours
        estimate = DownloadEstimate(size, corpus_bytes, unknown_files, peak_bytes)
        estimate.announce(self.name, self.downloads, self.root, self.progress)

    def missing_bytes(self) -> tuple[int, int]:
        """Return the bytes of audio to be downloaded, and the number of files of unknown size."""
        if self.audio_dir or not self.archives or self._is_unpacked():
            return 0, 0
        size, unknown_files = missing_bytes(self.archives, self.downloads)
        if unknown_files and self.archive_bytes:
            return size + self.archive_bytes * unknown_files // len(self.archives), 0
        return size, unknown_files

    @property
    def _unpacked_marker(self) -> Path:
        """File that exists when the archives are unpacked.

        Its name is that of the archives, since variants with other archives may share the folder.
        """
        return self.audio_root / f".{'+'.join(archive.name for archive in self.archives)}.unpacked"

    def _is_unpacked(self) -> bool:
        marker = self._unpacked_marker
        return marker.is_file() and marker.read_text() == self.release

    def _without_errata(self, tracks: Sequence[Track]) -> list[Track]:
        return [track for track in tracks if track.track_id not in self.errata]

    def _announce_absent(self, split: str) -> None:
        tracks = self._without_errata(self.list_tracks())
        absent = completeness.describe_absent(tracks, self.corpus.track_ids, split, self.expected)
        self.progress.announce(
            f"{self.name}: {absent}; {self.corpus_root / 'rejected.csv'} has the reasons. This is "
            "not the published split; its results are in tables of their own."
        )

    def _check_audio_dir(self, missing: Sequence[Track]) -> None:
        """Count the files that do not exist, before anything is decoded."""
        absent = completeness.absent_files(missing)
        if absent:
            description = completeness.describe_absent_files(absent, self.expected)
            self.progress.announce(f"{self.name}: no audio for {description}")
            lost, counts = Counter(split for split, _ in absent), self.expected.counts
            self._check_share({split: count - lost[split] for split, count in counts.items()})

    def _check_share(self, counts: Mapping[str, int]) -> None:
        if not self.partial:
            rejected = self.corpus_root / "rejected.csv"
            completeness.check_share(counts, self.expected, self.least_share, self.name, rejected)
