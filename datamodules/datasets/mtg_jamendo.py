"""MTG-Jamendo: whole tracks with tags of genre, instrument, mood (Bogdanov et al., 2019)."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Unpack

from datamodules.annotations.jamendo_tsv import malformed, read_rows
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.filesystem import exclusive_lock
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import Track, fixed_stamp
from datamodules.download.extract import extract
from datamodules.download.fetch import fetch
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.perturbed_tags import JAMENDO_CHANGES, by_prefix
from datamodules.labels.vocabularies import JAMENDO_TOP50
from datamodules.published_dataset import Published, PublishedOptions
from datamodules.published_facts import bibtex, load_facts

Subset = Literal["all", "top50", "genre", "instrument", "moodtheme"]
Quality = Literal["audio-low", "audio"]

SUBSETS = ("all", "top50", "genre", "instrument", "moodtheme")
_FACTS = load_facts("mtg_jamendo")
_SPLITS = ("train", "valid", "test")  # the order of the three lists of a subset
_HOSTS = (
    "https://cdn.freesound.org/mtg-jamendo/",
    "https://essentia.upf.edu/documentation/datasets/mtg-jamendo/",
)
_TARS = 100  # of each kind; the last two digits of a track's number decide in which it is
# Size of all hundred archives in bytes. The README of the dataset states 508, 156, 152 and 46 GB
# and means GiB: its listings of single files, where they exist, add up to 545 and 163 GB.
_AUDIO_BYTES = {
    "raw_30s_audio": 508 << 30,
    "raw_30s_audio-low": 156 << 30,
    "autotagging_moodtheme_audio": 152 << 30,
    "autotagging_moodtheme_audio-low": 46 << 30,
}
_LARGEST = 1.3  # times the mean size: the largest tar, with room to spare


class Jamendo(Published):
    """55,525 tracks by 3,565 artists with 183 tags; by default the 50 most frequent.

    The publisher's five splits hold the same tracks; in each, no artist is in two parts and every
    tag is in all three. 465 groups of tracks are the same file twice or more, and a few of them
    cross parts; the official splits keep them, and so does this.

    The audio comes in hundred tar archives. Each is fetched, checked, unpacked as far as the
    subset needs it and deleted before the next, so that the disk never holds more than one. What
    is decoded is known by the sha256 of its file, so no subset and no split decodes or fetches it
    again. ``moodtheme`` has archives of its own, less than a third of the size. They are taken:
    a file that is in both collections has one sha256, and is not decoded again either.

    Args:
        subset: Tracks and tags: ``all``, ``top50``, ``genre``, ``instrument`` or ``moodtheme``.
        split: 0 to 4. Publications use 0 unless they say otherwise.
        audio: ``audio-low`` (mono, variable rate; 168 GB, or 49 GB for ``moodtheme``) or
            ``audio`` (320 kb/s; 545 GB or 163 GB).
        **published: See `Published`.
    """

    name = "jamendo"
    release = "mtg-jamendo 2019"
    licence = "audio: Creative Commons, by track (audio_licenses.txt); metadata: CC BY-NC-SA 4.0"
    access = "open"
    homepage = "https://github.com/MTG/mtg-jamendo-dataset"
    citation = bibtex("bogdanov2019mtg")
    tags_changed_by = JAMENDO_CHANGES
    hosts: ClassVar[tuple[str, ...]] = _HOSTS
    lists: ClassVar[dict[tuple[str, int], tuple[RemoteFile, ...]]] = {
        (variant.partition("/")[0], int(variant.partition("/")[2])): files
        for variant, files in _FACTS.files["lists"].items()
    }
    checksum_lists: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("checksums")
    proofs: ClassVar[Mapping[str, Expected]] = _FACTS.expected

    def __init__(
        self,
        *,
        subset: Subset = "top50",
        split: int = 0,
        audio: Quality = "audio-low",
        **published: Unpack[PublishedOptions],
    ) -> None:
        super().__init__(**published)
        if subset not in SUBSETS:
            raise unknown_name("subset", subset, SUBSETS, "jamendo: subset")
        if f"{subset}/{split}" not in self.proofs:
            raise unknown_name("split", str(split), "01234", "jamendo: split")
        if audio not in ("audio-low", "audio"):
            raise unknown_name("audio", audio, ("audio-low", "audio"), "jamendo: audio")
        self.subset = subset
        self.split = split
        self.audio = audio
        self._folder = "autotagging_moodtheme" if subset == "moodtheme" else "raw_30s"
        self._archives = f"{self._folder}_{audio}"

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags of the subset in the order of strings, as in every list of the publisher."""
        if self.subset == "top50":
            return JAMENDO_TOP50
        return tuple(sorted({tag for _, row in self._rows() for tag in row[5:]}))

    def tag_categories(self, tags: Sequence[str]) -> dict[str, str]:
        """Return what the publisher writes in front of each tag."""
        return by_prefix(tags)

    @property
    def expected(self) -> Expected:
        """What the publisher's lists give."""
        return self.proofs[f"{self.subset}/{self.split}"]

    @cached_property
    def audio_root(self) -> Path:
        """Folder of the audio; what is unpacked lies with the corpus that it is unpacked for."""
        return super().audio_root if self.audio_dir else self.corpus_root / "unpacked"

    def list_tracks(self) -> Sequence[Track]:
        """Read the lists of the subset and split."""
        return [self._listed(part, row) for part, row in self._rows()]

    def supply(self, missing: Sequence[Track]) -> Iterator[Sequence[Track]]:
        """Get one tar after the other, of those that hold missing tracks."""
        if self.audio_dir:
            yield from super().supply(missing)
            return
        groups: dict[str, list[Track]] = defaultdict(list)
        for track in missing:
            groups[_folder(track)].append(track)
        self._announce(groups)
        for number, (folder, tracks) in enumerate(sorted(groups.items()), 1):
            name = self._tar(folder).name
            self.progress.announce(f"{self.name}: {name} ({number} of {len(groups)})")
            self._unpack(self._tar(folder), tracks)
            yield tracks
            shutil.rmtree(self.audio_root)

    def prepare_data(self) -> None:
        """Prepare the corpus; see `Published.prepare_data`."""
        super().prepare_data()
        if not self.audio_dir:
            shutil.rmtree(self.audio_root, ignore_errors=True)  # a kill may have left it

    def _rows(self) -> Iterator[tuple[str, list[str]]]:
        """Yield part and columns of each track."""
        for remote, part in zip(self.lists[self.subset, self.split], _SPLITS, strict=True):
            for row in read_rows(self.file(remote)):
                yield part, row

    def _listed(self, part: str, row: Sequence[str]) -> Track:
        track_id, artist, album, path, seconds, *tags = row
        if self.audio == "audio-low":
            path = f"{path.removesuffix('.mp3')}.low.mp3"
        track = self.track(
            track_id, part, tags, path, artist=artist, album=album, seconds=float(seconds)
        )
        if self.audio_dir:
            return track
        return replace(track, stamp=fixed_stamp(self._checksum("tracks", path)))

    def _announce(self, groups: Mapping[str, Sequence[Track]]) -> None:
        """Estimate the download: only the size of all tars together is published."""
        mean = _AUDIO_BYTES[self._archives] // _TARS
        needed = sum(not self._is_unpacked(tracks) for tracks in groups.values())
        seconds = sum(track.seconds or 0 for tracks in groups.values() for track in tracks)
        self.progress.announce(
            f"{self.name}: {needed} of {_TARS} tar archives are needed. Each is deleted when its "
            "tracks are unpacked, and those when they are decoded, before the next is fetched."
        )
        # A tar, and what is unpacked from it.
        self.announce_download(
            needed * mean, hours=seconds / 3600, at_once=round(2 * _LARGEST * mean)
        )

    def _tar(self, folder: str) -> RemoteFile:
        name = f"{self._archives}-{folder}.tar"
        return RemoteFile(
            name,
            tuple(f"{host}{self._folder}/{self.audio}/{name}" for host in self.hosts),
            f"sha256:{self._checksum('tars', name)}",
            kind="tar",
        )

    def _unpack(self, tar: RemoteFile, tracks: Sequence[Track]) -> None:
        """Put the files of tracks into place, checked one by one, and delete the tar."""
        self.downloads.mkdir(parents=True, exist_ok=True)
        # Another subset may be prepared at the same time.
        with exclusive_lock(
            self.downloads / ".tars.lock",
            lambda: self.progress.announce(f"Waiting for another process that unpacks {tar.name}"),
        ):
            if not self._is_unpacked(tracks):
                path = fetch(tar, self.downloads, self.progress)
                wanted = {track.source.label for track in tracks}
                extract(path, self.audio_root, wanted=wanted.__contains__, progress=self.progress)
            for track in tracks:
                self._check(track, tar)
            (self.downloads / tar.name).unlink(missing_ok=True)

    def _is_unpacked(self, tracks: Sequence[Track]) -> bool:
        return all((self.audio_root / track.source.label).is_file() for track in tracks)

    def _check(self, track: Track, tar: RemoteFile) -> None:
        """Raise a `TagbenchError` if a file is not the one that the publisher lists."""
        path = self.audio_root / track.source.label
        expected = self._checksum("tracks", track.source.label)
        found = track.source.sha256() if path.is_file() else ""
        if found != expected:
            path.unlink(missing_ok=True)
            what = f"its sha256 is {found}, expected {expected}" if found else "it is not in there"
            raise TagbenchError(
                f"{track.source.label} from {tar.name}: {what}. The file has been deleted: run the "
                f"same command again. If that does not help, delete {self.downloads / 'download'} "
                "too, where the lists of checksums are."
            )

    def _checksum(self, what: Literal["tars", "tracks"], name: str) -> str:
        remote = self.checksum_lists[f"{self._archives}/{what}"]
        if name not in self._checksums[what]:
            raise TagbenchError(f"{self.downloads / remote.name} has no checksum of {name}.")
        return self._checksums[what][name]

    @cached_property
    def _checksums(self) -> dict[str, dict[str, str]]:
        """The sha256 of each tar and of each track in it, by name."""
        return {
            what: _read_checksums(self.file(self.checksum_lists[f"{self._archives}/{what}"]))
            for what in ("tars", "tracks")
        }


def _folder(track: Track) -> str:
    """Return the folder of a track, whose name is in that of its tar."""
    return track.source.label.partition("/")[0]


def _read_checksums(path: Path) -> dict[str, str]:
    found = {}
    for number, line in enumerate(
        path.read_text(encoding="ascii", errors="replace").splitlines(), 1
    ):
        sha256, _, name = line.partition(" ")
        if not (re.fullmatch(r"[0-9a-f]{64}", sha256) and name):
            raise malformed(path, number, f"expected a sha256 and a name, found {line!r}")
        found[name.strip()] = sha256
    return found
