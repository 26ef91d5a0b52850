"""MagnaTagATune: quoted, tab-separated tables with CRLF, and a zip archive in three parts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import soundfile

from datamodules.labels.vocabularies import MTAT_TOP50
from tests.support.music import RATE, tone

# Misspelt and joking columns are the publisher's.
TAGS = ("no voice", "clasical", "lol", *(tag for tag in MTAT_TOP50 if tag != "no voice"))
EMPTY = "35644"  # a zero-byte file at the publisher's, too
COLUMNS = (
    "clip_id", "track_number", "title", "artist", "album", "url", "segmentStart", "segmentEnd",
    "original_url", "mp3_path",
)  # fmt: skip


def publish(folder: Path, clips: int = 32, seconds: float = 4.0) -> Path:
    """Write annotations, clip list and archive parts of ``clips`` clips, two of each song."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = io.BytesIO()
    annotations = [("clip_id", *TAGS, "mp3_path")]
    information: list[Sequence[str]] = [COLUMNS]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        for index in range(clips):
            song = index // 2
            clip = EMPTY if index == 0 else str(2 + 3 * index)
            directory = "0123456789abcdef"[song % 16]
            artist = f"artist_{song % 20}"
            path = f"{directory}/{artist}-album-{song:02d}-it_s___title-{index}-{index + 29}.mp3"
            positive = _tags(index)
            annotations.append((clip, *("1" if t in positive else "0" for t in TAGS), path))
            information.append(
                (clip, str(song % 9), 'A "quoted" title', artist, "Album",
                 f"http://www.magnatune.com/artists/albums/{song // 2}/", str(index),
                 str(index + 29), "", path)
            )  # fmt: skip
            members.writestr(path, b"" if clip == EMPTY else _mp3(index, seconds))
        members.writestr("__MACOSX/0/._junk.mp3", b"junk")
    information.append(("99999", "1", "no clip", "artist_0", "Album", "", "0", "29", "", ""))
    _table(folder / "annotations_final.csv", annotations)
    _table(folder / "clip_info_final.csv", information)
    content = archive.getvalue()
    third = -(-len(content) // 3)
    for part in range(3):
        file = folder / f"mp3.zip.{part + 1:03d}"
        file.write_bytes(content[part * third : (part + 1) * third])
    return folder


def _tags(index: int) -> set[str]:
    """One clip in eight has none of the fifty."""
    if index % 8 == 7:
        return {"lol"}
    found = {MTAT_TOP50[index % 5], MTAT_TOP50[5 + index % 3]}
    return found | ({"clasical"} if index % 4 == 0 else set())


def _mp3(index: int, seconds: float) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(index, seconds), RATE, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()


def _table(path: Path, rows: Sequence[Sequence[str]]) -> None:
    quoted = ("\t".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    path.write_bytes(("\r\n".join(quoted) + "\r\n").encode("ascii"))
