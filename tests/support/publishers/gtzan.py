"""GTZAN: a compressed tar of WAV files with junk among them, a copy of it, and lists of artists."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

GENRES = (
    "blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock",
)  # fmt: skip
APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X".ljust(211, b"\x00")
CUT = ("jazz", 5)  # a clip that breaks off in the copy
_RATE = 22050


def publish(folder: Path, clips: int = 6, seconds: float = 2.0) -> Path:
    """Write the original archive, a copy that differs, and three lists of artists.

    Clip n of a genre is in fold ``1 + n % 3``; clips n and n + 3 are by one artist.
    """
    (folder / "foleiss").mkdir(parents=True)
    _archive(folder / "genres.tar.gz", clips, seconds, is_copy=False)
    _archive(folder / "genres-copy.tar.gz", clips, seconds, is_copy=True)
    for fold in range(3):
        lines = [
            f"./{genre}_{number:05d}.wav\t{3 * index + number % 3 + 100 * (number // 6)}\n"
            for index, genre in enumerate(GENRES)
            for number in range(fold, clips, 3)
        ]
        path = folder / "foleiss" / f"f{fold + 1}_evaluate_groups.txt"
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
    return folder


def clip(genre: str, number: int, seconds: float, format: str = "WAV") -> bytes:
    """Return an audio file: a chord of its own for each clip."""
    base = 110 * 2 ** ((GENRES.index(genre) * 100 + number) / 200)
    time = np.arange(round(seconds * _RATE)) / _RATE
    audio = sum(np.sin(2 * np.pi * base * k * time) / k for k in (1, 2, 3)) / 4
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, _RATE, format=format, subtype=None)
    return buffer.getvalue()


def kaggle(path: Path, clips: int = 6, seconds: float = 2.0) -> Path:
    """Write the archive as it goes round at Kaggle: a zip with pictures and tables."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Data/features_30_sec.csv", "filename,length\n")
        for genre in GENRES:
            archive.writestr(f"Data/images_original/{genre}/{genre}00000.png", b"\x89PNG")
            for number in range(clips):
                name = f"Data/genres_original/{genre}/{genre}.{number:05d}.wav"
                archive.writestr(name, clip(genre, number, seconds))
    return path


def _archive(path: Path, clips: int, seconds: float, *, is_copy: bool) -> None:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        add = _adder(archive)
        for name, content in _members(clips, seconds, is_copy):
            add(name, content)


def _members(clips: int, seconds: float, is_copy: bool) -> Iterator[tuple[str, bytes]]:
    yield "genres/bextract_single.mf", b"genres/blues/blues.00000.wav\tblues\n"
    yield "genres/.DS_Store", b"\x00\x00\x00\x01Bud1"
    for genre in GENRES:
        yield f"genres/{genre}/{genre}.mf", b"blues.00000.wav\n"
        for number in range(clips):
            name = f"genres/{genre}/{genre}.{number:05d}.wav"
            content = clip(genre, number, seconds)
            if is_copy:
                yield f"genres/{genre}/._{genre}.{number:05d}.wav", APPLE_DOUBLE
            yield name, content[:1000] if is_copy and (genre, number) == CUT else content


def _adder(archive: tarfile.TarFile) -> Callable[[str, bytes], None]:
    def add(name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))

    return add
