"""Trees of ``.npy`` files and split files, in the exact formats of Won et al. (2020)."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from datamodules.labels.vocabularies import JAMENDO_TOP50, MSD_LASTFM50, MTAT_TOP50
from tests.support.music import tone

SPLITS = ("train", "train", "train", "train", "valid", "valid", "test", "test")


def positives(index: int) -> list[int]:
    """Return the columns of the tags of a track."""
    return sorted({index % 2, 2 + index % 3, 49})


def mtat(root: Path, *, flat: bool = True) -> Path:
    """Write ``data/mtat/npy`` and ``split/mtat``; rows of ``binary.npy`` are not in order."""
    split = _folder(root / "split" / "mtat")
    rows: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    binary = np.zeros((20, 50), dtype=np.int64)
    for index, part in enumerate(SPLITS):
        folder = {"train": "a", "valid": "c", "test": "f"}[part]
        name = f"artist_{index // 2}-an_album-{index:02d}-a_title-{29 * index}-{29 * index + 29}"
        rows[part].append(f"{19 - index}\t{folder}/{name}.mp3")
        binary[19 - index, positives(index)] = 1
        _save(root / "data/mtat/npy" / ("" if flat else folder) / f"{name}.npy", index)
    for part, lines in rows.items():
        np.save(split / f"{part}.npy", np.array(lines))
    np.save(split / "binary.npy", binary)
    np.save(split / "tags.npy", np.array(MTAT_TOP50))
    return root


def msd(root: Path) -> Path:
    """Write arrays by letters, and pickles of protocol 0 with byte strings as of Python 2."""
    split = _folder(root / "split" / "msd")
    ids = [f"TR{'ABCDEFGH'[i]}XYZQ{i:011X}"[:18] for i in range(len(SPLITS))]
    lists: dict[str, list[str]] = {"train": [], "test": []}
    vectors = {}
    for index, (track, part) in enumerate(zip(ids, SPLITS, strict=True)):
        lists["test" if part == "test" else "train"].append(track)
        vectors[track] = np.zeros((50, 1))
        vectors[track][positives(index)] = 1
        _save(root / "data" / track[2] / track[3] / track[4] / f"{track}.npy", index)
    for part, tracks in lists.items():
        text = "(lp1\n" + "".join(f"S'{track}'\np{n}\na" for n, track in enumerate(tracks, 2)) + "."
        (split / f"filtered_list_{part}.cP").write_text(text)
    (split / "msd_id_to_tag_vector.cP").write_bytes(pickle.dumps(vectors, protocol=0))
    return root


def jamendo(root: Path) -> Path:
    """Write arrays by the last two digits, and tables with CRLF and as many columns as tags."""
    split = _folder(root / "split" / "mtg-jamendo")
    lines: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for index, part in enumerate(SPLITS):
        number = 1000 + index
        tags = "\t".join(JAMENDO_TOP50[column] for column in positives(index))
        lines[{"valid": "validation"}.get(part, part)].append(
            f"track_{number:07d}\tartist_{index:06d}\talbum_{index:06d}\t{number % 100:02d}/"
            f"{number}.mp3\t4.0\t{tags}"
        )
        _save(root / "data/mtg-jamendo/npy" / f"{number % 100:02d}" / f"{number}.npy", index)
    header = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"
    for part, rows in lines.items():
        content = "\r\n".join([header, *rows]) + "\r\n"
        (split / f"autotagging_top50tags-{part}.tsv").write_bytes(content.encode())
    return root


WRITERS = {"mtat": mtat, "msd": msd, "jamendo": jamendo}
VOCABULARY = {"mtat": MTAT_TOP50, "msd": MSD_LASTFM50, "jamendo": JAMENDO_TOP50}


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _save(path: Path, index: int) -> None:
    _folder(path.parent)
    np.save(path, tone(index, 0.5))
