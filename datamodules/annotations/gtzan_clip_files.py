"""Names and places of the clips of GTZAN in the copies that exist."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_SUFFIXES = ("wav", "au", "mp3")  # of a clip in several formats, the first is read
_NAME = re.compile(rf"([a-z-]+)[._](\d{{5}})\.({'|'.join(_SUFFIXES)})")


@dataclass(frozen=True)
class Clip:
    """A clip of GTZAN.

    Attributes:
        genre: Its genre, such as ``"hiphop"``.
        number: Its number within the genre.
    """

    genre: str
    number: int

    @property
    def track_id(self) -> str:
        """Id, such as ``"blues.00042"``."""
        return f"{self.genre}.{self.number:05d}"

    @property
    def path(self) -> str:
        """Path in the original archive, such as ``"genres/blues/blues.00042.wav"``."""
        return f"genres/{self.genre}/{self.track_id}.wav"


def parse_name(name: str, genres: Collection[str]) -> Clip | None:
    """Return the clip that a file name stands for, or None if it stands for none.

    Args:
        name: Name such as ``blues.00042.wav``, ``blues_00042.au`` or ``hip-hop.00042.mp3``.
        genres: The genres, spelt without hyphens.
    """
    match = _NAME.fullmatch(name)
    genre = match[1].replace("-", "") if match else ""
    return Clip(genre, int(match[2])) if match and genre in genres else None


def find_clips(folder: Path, genres: Collection[str]) -> dict[str, str]:
    """Find the clips in a folder and its subfolders.

    Returns:
        Path below ``folder`` of each clip, with ``/``, by track id. Of several files of a clip, it
        is the WAV file, else the AU file, else the MP3 file, and the first in the order of paths.
    """
    files = []
    for path in folder.rglob("*.*"):
        if clip := parse_name(path.name, genres):
            rank = _SUFFIXES.index(path.suffix[1:])
            files.append((rank, path.relative_to(folder).as_posix(), clip.track_id))
    # The last entry of a clip is kept, so the preferred file comes last.
    return {track_id: path for _, path, track_id in sorted(files, reverse=True)}
