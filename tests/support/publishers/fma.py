"""FMA: a table under three lines of header, and archives compressed with bzip2."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import soundfile

from tests.support.music import RATE, tone

SIZES = {"small": ("small",), "medium": ("small", "medium"), "large": ("small", "medium", "large")}
README = "This .zip archive is part of the FMA, a dataset for music analysis.\n"
MUTE = 133297  # cut after its end at the publisher's, too
# Id, parent, title, root; two of them have no tracks.
GENRES = (
    (1, 38, "Avant-Garde", 38),
    (2, 0, "International", 2),
    (10, 0, "Pop", 10),
    (12, 0, "Rock", 12),
    (25, 12, "Punk", 12),
    (38, 0, "Experimental", 38),
    (86, 2, "Indian", 2),
)
Cells = dict[tuple[str, str], object]
Row = tuple[int, Cells]
_COLUMNS = {
    "album": "comments date_created date_released engineer favorites id information listens "
    "producer tags title tracks type",
    "artist": "active_year_begin active_year_end associated_labels bio comments date_created "
    "favorites id latitude location longitude members name related_projects tags website "
    "wikipedia_page",
    "set": "split subset",
    "track": "bit_rate comments composer date_created date_recorded duration favorites genre_top "
    "genres genres_all information interest language_code license listens lyricist number "
    "publisher tags title",
}
HEADER = [(top, name) for top, names in _COLUMNS.items() for name in names.split()]


def publish(folder: Path, tracks: int = 28, seconds: float = 2.0) -> Path:
    """Write the metadata archive and those of four sizes.

    Of seven tracks two are in small, two more in medium and the rest in large; the last of these
    has no genre and is in training. Every fifth has no album.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [_row(index) for index in range(tracks)]
    archive(folder / "fma_metadata.zip", metadata(rows))
    clips = {number: _mp3(number, seconds) for number, _ in rows}
    clips[MUTE] = clips[MUTE][:100]
    for size, held in SIZES.items():
        names = [n for n, cells in rows if cells["set", "subset"] in held]
        archive(folder / f"fma_{size}.zip", _audio(f"fma_{size}", {n: clips[n] for n in names}))
    whole = {number: _mp3(number, 2 * seconds) for number, _ in rows}
    archive(folder / "fma_full.zip", _audio("fma_full", whole))
    return folder


def archive(path: Path, members: dict[str, bytes]) -> None:
    """Write a zip archive as the publisher does."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name, (2017, 4, 1, 0, 0, 0)), content, zipfile.ZIP_BZIP2)


def metadata(rows: Sequence[Row]) -> dict[str, bytes]:
    """Return the members of the metadata archive, two of which matter."""
    used = [genre for _, cells in rows for genre in json.loads(str(cells["track", "genres_all"]))]
    genres = [["genre_id", "#tracks", "parent", "title", "top_level"]]
    genres += [[str(g), str(used.count(g)), *map(str, more)] for g, *more in GENRES]
    return {
        "fma_metadata/README.txt": README.encode(),
        "fma_metadata/not_found.pickle": b"\x80\x03}q\x00.",
        "fma_metadata/raw_genres.csv": b"genre_id\n",
        "fma_metadata/tracks.csv": table(rows),
        "fma_metadata/genres.csv": _csv(genres),
        "fma_metadata/features.csv": b"feature\n",
    }


def table(rows: Sequence[Row]) -> bytes:
    """Return ``tracks.csv``: pandas writes two levels of columns and then the name of the index."""
    head = [["", *(top for top, _ in HEADER)], ["", *(name for _, name in HEADER)]]
    head.append(["track_id", *("" for _ in HEADER)])
    return _csv(head + [[str(n), *(str(cells.get(at, "")) for at in HEADER)] for n, cells in rows])


def _row(index: int) -> Row:
    turn = index % 7
    number = MUTE if index == 0 else 2 + 1103 * index
    subset = "small" if turn < 2 else "medium" if turn < 4 else "large"
    split = ("training", "training", "validation", "test")[index // 7 % 4]
    genres, everything, top = [
        ([12], [12], "Rock"),
        ([10], [10], "Pop"),
        ([25], [12, 25], "Rock"),
        ([1], [1, 38], "Experimental"),
        ([10, 25], [10, 12, 25], ""),
        ([25, 1], [1, 12, 25, 38], ""),
        ([], [], ""),
    ][turn]
    return number, {
        ("album", "comments"): index,
        ("album", "id"): -1 if index % 5 == 0 else 100 + index // 2,
        ("album", "information"): "<p>Line one,\r\nline two</p>\n7,8",
        ("album", "tags"): "[]",
        ("album", "title"): 'A "quoted", long title',
        ("artist", "bio"): "x" * 140_000 if index == 3 else "Jalape\u00f1o\n\n",
        ("artist", "id"): 10 * (index // 7) + turn // 3,
        ("artist", "name"): "Bj\u00f6rk, Gu\u00f0mundsd\u00f3ttir",
        ("artist", "tags"): "['a', 'b']",
        ("set", "split"): "training" if turn == 6 else split,
        ("set", "subset"): subset,
        ("track", "bit_rate"): 256000,
        ("track", "duration"): 18 if index == 1 else 168 + index,
        ("track", "genre_top"): top,
        ("track", "genres"): genres,
        ("track", "genres_all"): everything,
        ("track", "license"): "Attribution-NonCommercial-ShareAlike 3.0",
        ("track", "tags"): "[]",
        ("track", "title"): "Food\nFight",
    }


def _audio(folder: str, clips: dict[int, bytes]) -> dict[str, bytes]:
    paths = {f"{number // 1000:03d}/{number:06d}.mp3": clip for number, clip in clips.items()}
    sums = "".join(f"{hashlib.sha1(c).hexdigest()}  {path}\n" for path, c in sorted(paths.items()))
    return {
        f"{folder}/README.txt": README.encode(),
        f"{folder}/checksums": sums.encode(),
        **{f"{folder}/{path}": clip for path, clip in paths.items()},
    }


def _mp3(index: int, seconds: float) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(index, seconds), RATE, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
