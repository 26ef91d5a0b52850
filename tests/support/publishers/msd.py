"""Million Song Dataset: lists of four publishers (text, arrays, pickles of Python 2), and clips.

36 tracks are in Choi's lists, six more in CALS alone. Four clips are short, so that Lee's train
reaches into Choi's valid; two train tracks share a clip.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from datamodules.common.seeding import rng_for
from datamodules.corpus.completeness import Expected
from tests.support.music import RATE, tone

COUNTS = {
    "lee": Expected(50, 20, 5, 7),
    "choi": Expected(50, 20, 8, 8),
    "cals": Expected(50, 12, 4, 8),
}
SHORT = {3: "5211", 11: "8428", 22: "2124336", 30: "151698"}  # by index in `IDS`; real ones
TWINS = (5, 17)
_PARTS = {"train": range(20), "valid": range(20, 28), "test": range(28, 36)}
_CALS = {"train": range(30, 42), "valid": range(20, 24), "test": range(4, 12)}


def _ids() -> list[str]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [
        f"TR{letters[i // 2]}{letters[i % 2]}{letters[i % 7]}AA128F{i:05X}AB" for i in range(42)
    ]


IDS = _ids()
CLIPS = [SHORT.get(i, str(10 * 1234567 // (3 * i + 2))) for i in range(42)]
CLIPS[TWINS[1]] = CLIPS[TWINS[0]]


def labels(vocabulary: str = "lastfm") -> np.ndarray:
    """Return the labels of all tracks, bool of shape (42, 50); every track has some."""
    found = rng_for("fake msd", vocabulary).random_sample((42, 50)) < 0.08
    found[np.arange(42), np.arange(42) % 50] = True
    return found


def publish(folder: Path) -> Path:
    """Write what Choi, Pons, Lee and Won serve."""
    for name in ("choi", "musicnn", "lee", "cals"):
        (folder / name).mkdir(parents=True)
    lastfm, cals = labels(), labels("cals")
    for split, part in _PARTS.items():
        _lines(folder / "choi" / f"{split}_x_msd_id.txt", [IDS[i] for i in part])
        _lines(folder / "choi" / f"{split}_x_7d_id.txt", [CLIPS[i] for i in part])
        np.save(folder / "choi" / f"{split}_y.npy", lastfm[list(part)])
    for split, rows in lee().items():
        name = "val" if split == "valid" else split
        table = [f"{IDS[i]}\t{lastfm[i].astype(int).tolist()}" for i in rows]
        _lines(folder / "musicnn" / f"{name}_gt_msd.tsv", table)
    _pickles(folder / "lee", lastfm)
    for split, part in _CALS.items():
        rows = rng_for("unsorted", split).permutation(list(part))
        np.save(folder / "cals" / f"{split}_ids.npy", np.array([IDS[i] for i in rows], "<U18"))
        np.save(folder / "cals" / f"{split}_binaries.npy", cals[rows].astype(np.int64))
    return folder


def lee() -> dict[str, list[int]]:
    """Return the tracks of Lee's split, as indices."""
    kept = [i for i in range(36) if i not in SHORT]
    return {"train": kept[:20], "valid": kept[20:25], "test": kept[25:]}


def by_clip(folder: Path, tracks: Iterable[int], seconds: float = 3.0) -> Path:
    """Write clips by 7digital id."""
    for index in tracks:
        clip = CLIPS[index]
        _clip(folder / clip[0] / clip[1] / f"{clip}.clip.mp3", index, seconds)
    return folder


def by_track(
    folder: Path, tracks: Iterable[int], extensions: Sequence[str] = ("wav",), seconds: float = 3.0
) -> Path:
    """Write clips by MSD id, with extensions in turn."""
    for turn, index in enumerate(tracks):
        name = IDS[index]
        extension = extensions[turn % len(extensions)]
        _clip(folder / name[2] / name[3] / name[4] / f"{name}.{extension}", index, seconds)
    return folder


def database(path: Path) -> Path:
    """Write ``track_metadata.db``: track n is by artist n // 4, and there is one more track."""
    columns = (
        "track_id text PRIMARY KEY, title text, song_id text, release text, artist_id text, "
        "artist_mbid text, artist_name text, duration real, artist_familiarity real, "
        "artist_hotttnesss real, year int, track_7digitalid int, shs_perf int, shs_work int"
    )
    rows = [
        (track, f"Söng {i}", f"SO{i:016X}", f"Album {i // 2}", f"AR{i // 4:016X}", "", "Name",
         30.0, 0.5, 0.5, 0, int(clip), -1, 0)
        for i, (track, clip) in enumerate(zip([*IDS, "TRZZZZZ128F0000000"], [*CLIPS, "7"],
                                              strict=True))
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE songs ({columns})")
        connection.executemany(f"INSERT INTO songs VALUES ({','.join('?' * 14)})", rows)
    connection.close()
    return path


def _pickles(folder: Path, lastfm: np.ndarray) -> None:
    """Write protocol 0 as Python 2 did, which Python 3 cannot write."""
    found = lee()
    for name, rows in (("train", found["train"] + found["valid"]), ("test", found["test"])):
        items = "".join(f"S'{IDS[i]}'\np{n}\na" for n, i in enumerate(rows, 2))
        (folder / f"filtered_list_{name}.cP").write_text(f"(lp1\n{items}.", encoding="ascii")
    clips = "".join(f"S'{IDS[i]}'\nS'{clip}'\ns" for i, clip in enumerate(CLIPS))
    (folder / "MSD_id_to_7D_id.pkl").write_text(f"(dp1\n{clips}.", encoding="ascii")
    vectors = "".join(f"S'{IDS[i]}'\n{_vector(lastfm[i])}s" for i in range(36))
    (folder / "msd_id_to_tag_vector.cP").write_text(f"(dp1\n{vectors}.", encoding="ascii")


def _vector(row: np.ndarray) -> str:
    """Return the instructions that build an array of shape (50, 1)."""
    raw = row.astype("<f8").tobytes()
    text = "".join(f"\\x{byte:02x}" for byte in raw)
    return (
        "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        "(I1\n(I50\nI1\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
        f"I00\nS'{text}'\ntb"
    )


def _clip(path: Path, index: int, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, tone(index, seconds))
    else:
        soundfile.write(path, tone(index, seconds), RATE)


def _lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
