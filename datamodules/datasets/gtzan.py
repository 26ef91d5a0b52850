"""GTZAN: 1,000 clips of ten genres (Tzanetakis and Cook, 2002), without those known to be bad."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Unpack

import pooch

from datamodules.annotations.gtzan_artists import read_artists
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import Track
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.stratified_split import hold_out
from datamodules.published_dataset import Published, PublishedOptions
from datamodules.published_facts import FOLDER, bibtex, load_facts

Split = Literal["fault_filtered", "fold1", "fold2", "fold3"]

_SPLITS = ("fault_filtered", "fold1", "fold2", "fold3")
_SECONDS = 30.0
_SUFFIXES = ("wav", "au", "mp3")  # of copies that go round; a clip in several is read as the first
_CLIP = re.compile(rf"([a-z-]+)[._](\d{{5}})\.({'|'.join(_SUFFIXES)})")
_VALID, _SEED = 0.15, 0  # of the folds, whose author leaves validation to the reader
_FACTS = load_facts("gtzan")
_GENRES = (
    "blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock",
)  # fmt: skip


class Gtzan(Published):
    """Clips of 30 seconds, each of one of ten genres.

    The collection has repetitions, distortions and wrong labels (Sturm, 2013), so no variant
    takes all of it. ``fault_filtered`` is the split of Kereliuk et al. (2015), 930 clips with
    hardly an artist on two sides: of the 887 clips whose artist Foleiss names, disco.00069 (test)
    and disco.00049 and disco.00073 (train) share one. Its authors name no artists. The folds are
    those of Foleiss and Tavares (2020), 948 clips with the artists kept apart: the fold is the
    test; of the other two, whole artists are held out for validation.

    Copies of the archive differ. Some have a jazz.00054 that is cut short: it is rejected, and
    costs a training clip. The address of the original no longer answers; where its web archive
    does not either, a copy is taken that need not be equal, with a word about it.

    Args:
        split: ``fault_filtered``, or ``fold1`` to ``fold3``.
        **published: See `Published`. Below ``audio_dir`` the clips may lie in any folder, as
            ``.wav``, ``.au`` or ``.mp3``, and hip hop may be spelt ``hip-hop``.
    """

    name = "gtzan"
    task = "singlelabel"
    release = "gtzan genres.tar.gz"
    licence = "none stated: not to be passed on"
    access = "open"
    homepage = "http://marsyas.info/downloads/datasets.html"
    citation = bibtex("tzanetakis2002musical")
    archives = _FACTS.files["archives"]["original"]
    # It has no checksum: that of the first download is recorded.
    copy: ClassVar[RemoteFile] = _FACTS.single("archives", "copy")
    about_bytes = 1_230_000_000
    folds: ClassVar[tuple[RemoteFile, ...]] = tuple(_FACTS.by_variant("folds").values())
    proofs: ClassVar[Mapping[str, Expected]] = _FACTS.expected

    def __init__(
        self, *, split: Split = "fault_filtered", **published: Unpack[PublishedOptions]
    ) -> None:
        super().__init__(**published)
        if split not in _SPLITS:
            raise unknown_name("split", split, _SPLITS, "gtzan: split")
        self.split = split

    @property
    def tags(self) -> tuple[str, ...]:
        """The genres, in alphabetical order."""
        return _GENRES

    @property
    def expected(self) -> Expected:
        """Counts of the literature; how many are held out of a fold follows from its artists."""
        return self.proofs[self.split]

    def list_tracks(self) -> Sequence[Track]:
        """Return the clips of the split."""
        if self.split == "fault_filtered":
            return [self._clip(*clip) for clip in filtered()]
        test = int(self.split.removeprefix("fold"))
        rest: list[Track] = []
        held: list[Track] = []
        for fold, remote in enumerate(self.folds, 1):
            for genre, number, artist in read_artists(self.file(remote), self.tags):
                track = self._clip(genre, number, "test" if fold == test else "", artist)
                (held if fold == test else rest).append(track)
        return [*hold_out(rest, valid=_VALID, seed=_SEED), *held]

    def member(self, name: str) -> str:
        """Return the path of a clip, whatever an archive calls it: the decoder goes by bytes."""
        clip = self._parse(name.rpartition("/")[2])
        return _path(*clip[:2]) if clip else ""

    def fetch_archives(self) -> list[Path]:
        """Fetch the original, or else a copy of it.

        Raises:
            TagbenchError: If neither can be had.
        """
        if not (self.downloads / self.copy.name).is_file():
            try:
                return super().fetch_archives()
            except TagbenchError as error:
                self.progress.announce(f"{self.name}: {error}\nTrying a copy.")
        try:
            path = self.file(self.copy)
        except TagbenchError as error:
            raise TagbenchError(
                f"Neither the original archive of {self.name} nor a copy could be had. {error}"
            ) from error
        original = self.archives[0].checksum
        if f"sha256:{pooch.file_hash(path)}" != original:
            self.progress.announce(
                f"{self.name}: {path} is not the original archive ({original}). Copies are known "
                "to differ; the digest of the corpus tells what its results were computed on."
            )
        return [path]

    def _clip(self, genre: str, number: int, split: str, artist: str = "") -> Track:
        track_id = f"{genre}.{number:05d}"
        label = _path(genre, number)
        path = self._there.get(track_id, label) if self.audio_dir else label
        return self.track(track_id, split, [genre], path, label, artist=artist, seconds=_SECONDS)

    @cached_property
    def _there(self) -> dict[str, str]:
        """Paths of the clips in the folder of the user, by track id."""
        found = []
        for path in self.audio_root.rglob("*.*"):
            if clip := self._parse(path.name):
                found.append((clip, path.relative_to(self.audio_root).as_posix()))
        # Last come, last kept: the best kind of file.
        return {f"{g}.{n:05d}": path for (g, n, _), path in sorted(found, key=_rank, reverse=True)}

    def _parse(self, name: str) -> tuple[str, int, str] | None:
        """Return genre, number and suffix if a file name is that of a clip."""
        match = _CLIP.fullmatch(name)
        genre = match[1].replace("-", "") if match else ""
        return (genre, int(match[2]), match[3]) if match and genre in self.tags else None


def filtered() -> Iterator[tuple[str, int, str]]:
    """Yield genre, number and split of the clips of the fault-filtered split."""
    with (FOLDER / "gtzan_fault_filtered.csv").open(encoding="ascii", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["split"] != "faulty":
                yield row["genre"], int(row["number"]), row["split"]


def _path(genre: str, number: int) -> str:
    return f"genres/{genre}/{genre}.{number:05d}.wav"


def _rank(found: tuple[tuple[str, int, str], str]) -> tuple[int, str]:
    (_, _, suffix), path = found
    return _SUFFIXES.index(suffix), path
