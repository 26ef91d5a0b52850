"""ISMIR2004: one folder of MP3 files and tracklists, quoted throughout and without a header."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import soundfile

from tests.support.music import RATE, tone

CLASSES = {
    "classical": "classical", "electronic": "electronic", "jazz_blues": "jazz",
    "metal_punk": "punk", "rock_pop": "pop", "world": "world",
}  # fmt: skip
SCRAMBLED = (
    "electronic/strojovna_07/dirnix/5-kruhov\ufffd_objazd.mp3",
    "electronic/strojovna_07/dirnix/05-kruhovy_objazd.mp3",
)


def publish(folder: Path, artists: int = 4, seconds: float = 2.0) -> dict[str, str]:
    """Write audio and lists; each artist has a track of one album in every set.

    Returns:
        Checksum of each tracklist, ``"md5:<hex>"``.
    """
    rows: dict[str, list[Sequence[str]]] = {"training": [], "development": [], "evaluation": []}
    for genre, directory in CLASSES.items():
        for number in range(artists):
            artist, album = f"{genre}_{number}", "songs_(live)"
            stem = f"{directory}/{artist}/{album}"
            rows["training"].append((genre, artist, album, "it_s", "1", f"{stem}/1-it's.mp3"))
            rows["evaluation"].append(
                (
                    genre,
                    artist,
                    album,
                    "two",
                    "2",
                    f"{stem}/2-two.mp3",
                    f"5{len(rows['evaluation'])}",
                )
            )
            names = tuple(
                f"{kind}_{len(rows['development'])}" for kind in ("artist", "album", "track")
            )
            rows["development"].append((genre, *names, "1", f"{'_'.join(names)}.mp3"))
    rows["evaluation"].append(
        ("electronic", "strojovna_07", "dirnix", "kruhov_objazd", "5", SCRAMBLED[0], "56714")
    )
    found = {}
    for part, tracks in rows.items():
        for index, row in enumerate(tracks):
            name = SCRAMBLED[1] if row[5] == SCRAMBLED[0] else row[5]
            path = folder / "audio" / part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_mp3(100 * len(found) + index, seconds))
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(tracks)
        content = text.getvalue().encode()
        path = folder / "metadata" / part / "tracklist.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        found[part] = f"md5:{hashlib.md5(content).hexdigest()}"
    return found


def _mp3(index: int, seconds: float) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(index, seconds), RATE, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()
