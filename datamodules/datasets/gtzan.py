"""GTZAN: 1,000 clips of ten genres (Tzanetakis and Cook, 2002), without those known to be bad."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Unpack

import pooch

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.corpus import Track
from datamodules.download.remote_file import Remote
from datamodules.labels.stratified_split import hold_out
from datamodules.published_dataset import Expected, Published, PublishedOptions

Split = Literal["fault_filtered", "fold1", "fold2", "fold3"]

_SPLITS = ("fault_filtered", "fold1", "fold2", "fold3")
_CLIPS = range(100)  # of each genre
_SECONDS = 30.0
_SUFFIXES = ("wav", "au", "mp3")  # of copies that go round; a clip in several is read as the first
_CLIP = re.compile(rf"([a-z-]+)[._](\d{{5}})\.({'|'.join(_SUFFIXES)})")
_VALID, _SEED = 0.15, 0  # of the folds, whose author leaves validation to the reader
_FOLDS = (
    "https://raw.githubusercontent.com/julianofoleiss/gtzan_sturm_filter_3folds_stratified/"
    "48aa11abb34e4ad4e263d201f582001170fdddc4/"
)
# Kereliuk et al. (2015) by genre: clips left out for a fault, in valid and in test; else in train.
_FILTERED = {
    "blues": ("", "0-11 50-60", "12-28 61-72 98-99"),
    "classical": ("42", "0-10 68-76", "11-29 34-41 49 77-79"),
    "country": ("8 52", "0-7 9-18 27 41-42 45 49", "30-40 43-44 46-48 50-51 53-64"),
    "disco": (
        "38 50-51 55 60 71 98",
        "0 2-4 6-14 46 48 52 67-68 72 75 90 95",
        "1 21 58 62-66 69 76-88 91-94 96-97 99",
    ),
    "hiphop": ("1 39 46-50 76", "81-98", "0 26-27 30 40 43-45 51-54 62-75 99"),
    "jazz": ("33-40 42-46", "2-10 25-32", "73-99"),
    "metal": (
        "4 34 40-45 58",
        "0-1 6-11 16-20 36-37 68 76-77 81-82",
        "12-15 22-23 25-33 38-39 67 70 73-75 78 83 85 87-88",
    ),
    "pop": (
        "15 21-22 30 37 45 47-48 51-52 54 56-57 67-68 87",
        "10 53 55 58-62 81 83-86",
        "0-1 13-14 43 63-66 69-79 82 88-96",
    ),
    "reggae": (
        "3 5 7-8 10 13 33 41 73 75 80-81 86 91",
        "61-62 70 72 74 76-78 85 92-99",
        "34-40 46-48 52-53 64-68 71 79 82-84 87-90",
    ),
    "rock": ("", "38 49-56 71-85", "10-15 27-37 39-48 86-90"),
}


def _fold(number: int, sha256: str) -> Remote:
    name = f"f{number}_evaluate_groups.txt"
    return Remote(f"foleiss/{name}", (_FOLDS + name,), f"sha256:{sha256}", kind="text")


def _expected(train: int, valid: int, test: int, digest: str) -> Expected:
    hours = (train + valid + test) * _SECONDS / 3600
    return Expected(len(_FILTERED), train, valid, test, digest, hours)


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
    citation = """@article{tzanetakis2002musical,
  title = {Musical genre classification of audio signals},
  author = {Tzanetakis, George and Cook, Perry},
  journal = {IEEE Transactions on Speech and Audio Processing},
  volume = {10},
  number = {5},
  pages = {293--302},
  year = {2002}
}"""
    archives = (
        Remote(
            "genres.tar.gz",
            (
                "http://opihi.cs.uvic.ca/sound/genres.tar.gz",
                "https://web.archive.org/web/20211207012050/"
                "http://opihi.cs.uvic.ca/sound/genres.tar.gz",
            ),
            "sha256:24347e0223d2ba798e0a558c4c172d9d4a19c00bb7963fe055d183dadb4ef2c6",
            kind="gzip",
        ),
    )
    # Without a checksum: what comes first is recorded. Any archive of the clips may be put there.
    copy: ClassVar[Remote] = Remote(
        "genres-copy.tar.gz",
        ("https://huggingface.co/datasets/marsyas/gtzan/resolve/main/data/genres.tar.gz",),
        manual="Any tar or zip archive of the clips will do; or unpack it and name its folder: "
        "tagbench prepare --dataset gtzan --audio-dir FOLDER.",
    )
    about_bytes = 1_230_000_000
    folds: ClassVar[tuple[Remote, ...]] = (
        _fold(1, "acac0b6971156b3e6e119c0fe2fbfe5575cce40390463da7433223685379cd48"),
        _fold(2, "94c62d472987fbc68ba2a1c149f32726f6b333e2a5219c181b6964e9d59184e6"),
        _fold(3, "83d725b069dd3d52527ceeca266396c23b297d521200691282a3ef1e66273a43"),
    )
    proofs: ClassVar[dict[str, Expected]] = {
        "fault_filtered": _expected(
            443, 197, 290, "08e9bdd27075575517adcabdcab7f9bd91e58b371a52a00ce998c745ddc40a8d"
        ),
        "fold1": _expected(
            538, 95, 315, "5938397a3b9cd00a62469f81ca9e97bfd2236836f9780dfa7d324dadb2726e78"
        ),
        "fold2": _expected(
            536, 96, 316, "e376cd086c05194a17318c1f8c420d208a8189e2566851a0378afddc589703b9"
        ),
        "fold3": _expected(
            536, 95, 317, "b328255da723b91251218cc348a8934d9a0844e33d7cbc3513cb349ffb40c948"
        ),
    }

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
        return tuple(_FILTERED)

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
            for genre, number, artist in _read_artists(self.file(remote), self.tags):
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
    for genre, (faulty, valid, test) in _FILTERED.items():
        sides = dict.fromkeys(_CLIPS, "train")
        sides |= dict.fromkeys(_numbers(valid), "valid") | dict.fromkeys(_numbers(test), "test")
        left_out = set(_numbers(faulty))
        yield from ((genre, n, side) for n, side in sides.items() if n not in left_out)


def _numbers(text: str) -> Iterator[int]:
    for part in text.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _path(genre: str, number: int) -> str:
    return f"genres/{genre}/{genre}.{number:05d}.wav"


def _rank(found: tuple[tuple[str, int, str], str]) -> tuple[int, str]:
    (_, _, suffix), path = found
    return _SUFFIXES.index(suffix), path


def _read_artists(path: Path, genres: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """Yield genre, number and artist of each line, such as ``./blues_00012.wav<TAB>1``."""
    for line, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = re.fullmatch(r"\./([a-z]+)_(\d{5})\.wav\t(\d+)", row)
        if not match or match[1] not in genres:
            raise TagbenchError(
                f"{path}, line {line}: expected a clip and its artist, such as "
                f"'./blues_00012.wav<TAB>1', found {row!r}. Delete the file and run again."
            )
        yield match[1], int(match[2]), match[3]
