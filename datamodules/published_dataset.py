"""`Published`: base of the datasets that somebody else publishes; a leaf is constants and lists.

The order of events: fetch the metadata, list the tracks, check that the list is the published
one, get the audio, decode it, and say which tracks are missing from what should be there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from datamodules.audio.decode import DECODER_REVISION
from datamodules.audio.npy_waveform import SUFFIX, NpySource, beside
from datamodules.audio.sources import FileSource, KnownBad
from datamodules.base import Loading, TaggingDataModule
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import check_disk_space, free_bytes, replace_file
from datamodules.common.formatting import human_bytes
from datamodules.corpus.completeness import Expected, check_complete, check_share
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import SPLITS, Track, fixed_stamp
from datamodules.download.extract import extract
from datamodules.download.fetch import fetch, fetch_all, missing_bytes
from datamodules.download.remote_file import RemoteFile

Access = Literal["open", "request", "bring your own"]
_BYTES_PER_SECOND = 10e6  # what the estimate assumes of a connection
_NAMED = 10  # track ids that a message names


class PublishedOptions(Loading, total=False):
    """What `Published` takes, and every leaf passes on to it."""

    audio_dir: str
    partial: bool


class Published(TaggingDataModule):
    """Base of published datasets.

    A leaf sets the class facts and implements `list_tracks`, `tags` and `expected`. It calls
    ``self.file(remote)`` for a metadata file and ``self.track(...)`` for a track.

    Args:
        audio_dir: Folder of audio that is on this machine already, laid out as the publisher
            does; empty downloads it. It decides where audio is found, not which.
        partial: Go on with a corpus that lacks more than a few tracks. It is another corpus: its
            results stand in tables of their own.
        **loading: See `TaggingDataModule`.

    Attributes:
        release: Names the publisher's version; prepared audio is trusted while it stays.
        archives: Files with the audio. Several are parts of one archive if ``joined``.
        errata: Tracks that the publisher lists but nobody can hear, with the reason. They are
            rejected unheard, and counted as such.
        about_bytes: Size of the archives together where theirs is not stated; for estimates.
        least_share: Share of each split that must be there unless ``partial``.
    """

    release: ClassVar[str]
    access: ClassVar[Access]
    archives: tuple[RemoteFile, ...] = ()  # variants may differ in it, and so in its size
    joined: ClassVar[bool] = False
    errata: ClassVar[dict[str, str]] = {}
    about_bytes: int = 0
    least_share: ClassVar[float] = 0.98

    def __init__(
        self, *, audio_dir: str = "", partial: bool = False, **loading: Unpack[Loading]
    ) -> None:
        super().__init__(**loading)
        self.audio_dir = audio_dir
        self.partial = partial

    @abstractmethod
    def list_tracks(self) -> Sequence[Track]:
        """Return the tracks of the publisher's lists, those of ``errata`` among them."""

    @property
    @abstractmethod
    def expected(self) -> Expected:
        """What `list_tracks` must give with these parameters, ``errata`` apart."""

    def identity(self) -> dict[str, Any]:
        """Return the parameters, without the place of the audio."""
        found = dict(super().identity())
        del found["audio_dir"]
        return found

    @property
    def downloads(self) -> Path:
        """Folder of what is downloaded; all variants of a dataset share it."""
        return self.root / "downloads" / self.name

    @cached_property
    def audio_root(self) -> Path:
        """Folder below which the audio files lie.

        Raises:
            TagbenchError: If ``audio_dir`` is no folder.
        """
        if not self.audio_dir:
            return self.downloads / "audio"
        folder = Path(self.audio_dir).expanduser()
        if not folder.is_dir():
            raise TagbenchError(
                f"--audio-dir {self.audio_dir}: no such folder. Expected the audio of {self.name} "
                "laid out as its publisher does."
            )
        return folder

    def file(self, remote: RemoteFile) -> Path:
        """Return a metadata file, fetched if need be."""
        return fetch(remote, self.downloads, self.progress)

    def track(
        self,
        track_id: str,
        split: str,
        tags: Sequence[str],
        path: str,
        label: str = "",
        **more: Any,
    ) -> Track:
        """Build a track of this dataset.

        In a folder of the user's own, an array of samples at 16 kHz may stand for a file: it has
        the suffix ``.npy`` in place of the publisher's (`datamodules.audio.npy_waveform`).

        Args:
            track_id: See `Track`.
            split: See `Track`.
            tags: The positives.
            path: Of the audio below ``audio_root``, with ``/``.
            label: Name of the audio, by default its path. Variants of a dataset share prepared
                audio of the same name, so other audio needs another.
            more: Other fields of `Track`.
        """
        source = FileSource(self.audio_root / path, label or path)
        stamp = source.stamp() if self.audio_dir else fixed_stamp(self.release)
        if path.endswith(SUFFIX) or not stamp:
            array = NpySource(self.audio_root / beside(path), beside(source.label))
            if found := array.stamp():
                source, stamp = array, found
        return Track(track_id, split, tuple(tags), source, stamp=stamp, **more)

    def build_manifest(self) -> Sequence[Track]:
        """Return the published list, proved."""
        tracks = self.list_tracks()
        check_complete(
            [t for t in tracks if t.track_id not in self.errata], self.expected, self.name
        )
        return [
            replace(track, source=KnownBad(track.source.label, self.errata[track.track_id]))
            if track.track_id in self.errata
            else track
            for track in tracks
        ]

    def supply(self, missing: Sequence[Track]) -> Iterator[Sequence[Track]]:
        """Get the audio of tracks, and yield them when it is there."""
        if self.audio_dir:
            self._check_audio_dir(missing)
        else:
            self.download_audio(missing)
        yield missing

    def download_audio(self, missing: Sequence[Track]) -> None:
        """Fetch and unpack the archives, unless that has been done.

        Raises:
            TagbenchError: If there is nothing to download.
        """
        if not self.archives:
            raise TagbenchError(
                f"The audio of {self.name} cannot be downloaded ({self.access}). {self.homepage}. "
                f"Name its folder: tagbench prepare --dataset {self.name} --audio-dir FOLDER"
            )
        if self._has_audio():
            return
        paths = self.fetch_archives()
        for group in [paths] if self.joined else [[path] for path in paths]:
            extract(
                group, self.audio_root, wanted=lambda name: bool(self.member(name)),
                rename=self.member, progress=self.progress,
            )  # fmt: skip
        replace_file(self._unpacked, self.release.encode())
        size = human_bytes(sum(path.stat().st_size for path in paths))
        self.progress.announce(
            f"{self.name}: the audio is in {self.audio_root}; the archives in {self.downloads} "
            f"({size}) are no longer needed."
        )

    def fetch_archives(self) -> list[Path]:
        """Return ``archives``, fetched; a dataset that accepts other copies overrides this."""
        return fetch_all(self.archives, self.downloads, self.progress)

    def member(self, name: str) -> str:
        """Return where a member of an archive goes below ``audio_root``; empty leaves it out."""
        return name

    def prepare_data(self) -> None:
        """Prepare the corpus, and say which tracks are missing from it.

        Raises:
            TagbenchError: If more than a few are missing, unless ``partial``.
        """
        if self._is_proved():
            return
        self.announce_estimate()
        super().prepare_data()
        have = Counter(self.corpus.info["splits"])
        self._check_share(have)
        for split, count in self.expected.counts.items():
            if have[split] < count:
                self.progress.announce(
                    f"{self.name}: {count - have[split]:,} of {count:,} {split} tracks are missing "
                    f"({self._missing(split)}). This is not the published split; its results "
                    "stand in tables of their own."
                )

    def announce_estimate(self) -> None:
        """Say what will be downloaded; see `announce_download`."""
        size, unknown = self.missing_bytes()
        if size or unknown:
            self.announce_download(size, unknown, hours=self.expected.hours or 0)

    def announce_download(
        self, size: int, unknown: int = 0, *, hours: float, at_once: int | None = None
    ) -> None:
        """Say what will be downloaded, how long that may take and what disk it needs.

        Args:
            size: Bytes to come.
            unknown: Files of unknown size, not among them.
            hours: Of audio to be prepared.
            at_once: Most bytes of the download that lie on the disk at any time; by default all.

        Raises:
            TagbenchError: If the disk clearly cannot hold it.
        """
        corpus = 2 * self.sample_rate * 3600 * hours
        self.root.mkdir(parents=True, exist_ok=True)
        free = free_bytes(self.root)
        more = f" and {unknown} files of unknown size" if unknown else ""
        held = "" if at_once is None else f" (at most {human_bytes(at_once)} there at any time)"
        self.progress.announce(
            f"{self.name}: {human_bytes(size)}{more} to be downloaded to {self.downloads}{held}, "
            f"about {size / _BYTES_PER_SECOND / 60:,.0f} minutes at "
            f"{human_bytes(_BYTES_PER_SECOND)}/s; the prepared corpus takes about "
            f"{human_bytes(corpus)} more; {human_bytes(free)} free."
        )
        needed = corpus + (size if at_once is None else at_once)
        remedy = "name another folder with --data-root"
        check_disk_space(self.root, needed, self.name, remedy=remedy)

    def missing_bytes(self) -> tuple[int, int]:
        """Return the bytes of audio still to be downloaded, and the files of unknown size."""
        if self.audio_dir or not self.archives or self._has_audio():
            return 0, 0
        size, unknown = missing_bytes(self.archives, self.downloads)
        if unknown and self.about_bytes:
            return size + self.about_bytes * unknown // len(self.archives), 0
        return size, unknown

    @property
    def _unpacked(self) -> Path:
        """File that says that the audio is there, one for each set of archives.

        Sizes of a dataset may share the folder.
        """
        return self.audio_root / f".{'+'.join(archive.name for archive in self.archives)}.unpacked"

    def _has_audio(self) -> bool:
        return self._unpacked.is_file() and self._unpacked.read_text() == self.release

    def _is_proved(self) -> bool:
        """Tell whether the whole published split is prepared, whatever became of its lists."""
        if self.audio_dir or not self.expected.digest:
            return False
        try:
            corpus = Corpus.open(self.corpus_root)
        except TagbenchError:
            return False
        current = corpus.info["decoder"]["revision"] == DECODER_REVISION
        return current and corpus.split_digest == self.expected.digest

    def _missing(self, split: str) -> str:
        """Name the tracks of a split that the corpus lacks."""
        have = set(self.corpus.track_ids)
        ids = sorted(
            track.track_id
            for track in self.list_tracks()
            if track.split == split and track.track_id not in have | self.errata.keys()
        )
        more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
        return f"{', '.join(ids[:_NAMED])}{more}: see {self.corpus_root / 'rejected.csv'}"

    def _check_audio_dir(self, missing: Sequence[Track]) -> None:
        """Count the files that are there, before hours are spent on decoding."""
        lost: Counter[str] = Counter()
        example: Path | None = None
        for track in missing:
            if isinstance(track.source, FileSource) and not track.stamp:
                lost[track.split] += 1
                example = example or track.source.path
        if not lost:
            return
        expected = self.expected.counts
        counts = ", ".join(
            f"{lost[split]:,} of {expected[split]:,} {split}" for split in SPLITS if lost[split]
        )
        self.progress.announce(f"{self.name}: no audio for {counts} tracks, such as {example}")
        self._check_share(Counter({s: expected[s] - lost[s] for s in SPLITS}))

    def _check_share(self, counts: Mapping[str, int]) -> None:
        if not self.partial:
            rejected = self.corpus_root / "rejected.csv"
            check_share(counts, self.expected, self.least_share, self.name, rejected)
