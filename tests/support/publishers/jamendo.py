"""MTG-Jamendo: ragged, tab-separated lists with CRLF, and tar archives by the last two digits."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from datamodules.common.canonical_json import digest_rows
from datamodules.corpus.completeness import Expected
from tests.support.music import RATE, tone

FOLDERS = ("00", "41", "42")
PARTS = ("train", "validation", "test")
STEMS = {
    "all": "autotagging",
    "top50": "autotagging_top50tags",
    "genre": "autotagging_genre",
    "instrument": "autotagging_instrument",
    "moodtheme": "autotagging_moodtheme",
}
_KINDS = {"genre": "genre---", "instrument": "instrument---", "moodtheme": "mood/theme---"}
_RARE = "genre---swing"  # not one of the fifty


@dataclass(frozen=True)
class Song:
    """A row of the lists; ``number`` is that in the track id."""

    number: int
    part: str
    tags: tuple[str, ...]

    @property
    def track_id(self) -> str:
        return f"track_{self.number:07d}"

    @property
    def path(self) -> str:
        return f"{self.number % 100:02d}/{self.number}.mp3"


def songs(per_folder: int = 8) -> list[Song]:
    """Return what is tagged: in each folder, half of the tracks have a mood, one has only that."""
    found = []
    for folder in FOLDERS:
        for index in range(per_folder):
            number = 100 * (index + 2) + int(folder)
            part = PARTS[index % 3]
            found.append(Song(number, part, _tags(index)))
    return sorted(found, key=lambda song: song.number)


def _tags(index: int) -> tuple[str, ...]:
    if index == 6:
        return ("mood/theme---film",)
    if index == 7:
        return (_RARE,)
    tags = {"genre---rock" if index % 2 else "genre---ambient", "instrument---piano"}
    return tuple(
        sorted(tags | ({"mood/theme---film", "mood/theme---happy"} if index < 3 else set()))
    )


def rows(subset: str) -> list[Song]:
    """Return the tracks of a subset, each with its tags of that subset."""
    found = []
    for song in songs():
        kind = _KINDS.get(subset, "")
        tags = tuple(
            t for t in song.tags if t.startswith(kind) and (subset != "top50" or t != _RARE)
        )
        if tags:
            found.append(Song(song.number, song.part, tags))
    return found


def expected(subset: str) -> Expected:
    """Return what a true list of the subset holds."""
    listed = rows(subset)
    train, valid, test = (sum(song.part == part for song in listed) for part in PARTS)
    names = {"train": "train", "validation": "valid", "test": "test"}
    classes = 50 if subset == "top50" else len({tag for song in listed for tag in song.tags})
    digest = digest_rows(sorted([song.track_id, names[song.part]] for song in listed))
    return Expected(classes, train, valid, test, digest=digest, hours=0.02)


def publish(folder: Path, seconds: float = 1.0) -> Path:
    """Write the lists of split 0, and the archives of both collections in low quality."""
    for subset in STEMS:
        for part in PARTS:
            path = folder / f"splits/split-0/{STEMS[subset]}-{part}.tsv"
            _write(path, _table([song for song in rows(subset) if song.part == part]))
    audio = {song.path: _mp3(song.number, seconds) for song in songs()}
    # Tracks whose tags were all too rare are in the archives and in no list.
    untagged = {f"{name}/77{name}.mp3": _mp3(int(name), seconds) for name in FOLDERS}
    moods = {song.path: audio[song.path] for song in rows("moodtheme")}
    _archives(folder, "raw_30s", {**audio, **untagged})
    _archives(folder, "autotagging_moodtheme", moods)
    return folder


def _table(listed: Sequence[Song]) -> bytes:
    lines = ["TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"]
    for song in listed:
        artist = f"artist_{PARTS.index(song.part):03d}{song.number // 200:03d}"
        album = f"album_{song.number // 100:06d}"
        lines.append("\t".join((song.track_id, artist, album, song.path, "1.0", *song.tags)))
    return ("\r\n".join(lines) + "\r\n").encode()


def _archives(folder: Path, collection: str, audio: dict[str, bytes]) -> None:
    name = f"{collection}_audio-low"
    tars, tracks = [], []
    for number in FOLDERS:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
            top = tarfile.TarInfo(number)
            top.type = tarfile.DIRTYPE
            tar.addfile(top)
            for path, content in sorted(audio.items()):
                if path.startswith(f"{number}/"):
                    low = path.replace(".mp3", ".low.mp3")
                    member = tarfile.TarInfo(low)
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
                    tracks.append(f"{hashlib.sha256(content).hexdigest()} {low}\n")
        file = f"{name}-{number}.tar"
        _write(folder / collection / "audio-low" / file, buffer.getvalue())
        tars.append(f"{hashlib.sha256(buffer.getvalue()).hexdigest()} {file}\n")
    _write(folder / "download" / f"{name}_sha256_tars.txt", "".join(tars).encode())
    _write(folder / "download" / f"{name}_sha256_tracks.txt", "".join(tracks).encode())


def _mp3(index: int, seconds: float) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(index, seconds), RATE, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
