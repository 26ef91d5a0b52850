"""MSD500: rules of its tags and splits, on small files of the publishers' formats."""

from __future__ import annotations

import gzip
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.datasets.msd500 import MSD500
from datamodules.labels.tag_lemmas import tag_key

TRACKS = 420
IDS = [f"TRAAAAA128F9{at:05X}A" for at in range(TRACKS)]
# Rock in four spellings, two tags of 210 tracks, and one of 99.
SPELLINGS = ("rock", "Rock Music", "rock songs", "rock")
NOT_PLAYED, OF_LOW_SCORE, WITH_MANY_TAGS, WITHOUT_ARTIST = 0, 1, 2, 3


def annotations(at: int) -> list[tuple[str, float]]:
    if at == WITH_MANY_TAGS:
        return [(f"rare {number}", 100.0) for number in range(20)] + [("rock", 100.0)]
    tags = [(SPELLINGS[at % 4], 49.0 if at == OF_LOW_SCORE else 50.0)]
    tags += [("Drum 'n' Bass" if at % 4 else "drum & bass", 90.0)] * (at % 2)
    tags += [("blues", 100.0)] * (at % 2 == 0)
    return tags + [("seldom", 100.0)] * (at < 102)  # 99 of them remain


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    with closing(sqlite3.connect(folder / "track_metadata.db")) as db, db:
        db.execute(
            "CREATE TABLE songs (track_id text, title text, song_id text, release text, "
            "artist_id text, track_7digitalid int)"
        )
        for at, track in enumerate(IDS):
            artist = "" if at == WITHOUT_ARTIST else f"AR{at // 3:03d}"
            row = (track, "t", f"SO{at:04d}", f"album {at // 6}", artist, 1000 + at)
            db.execute("INSERT INTO songs VALUES (?, ?, ?, ?, ?, ?)", row)
    with closing(sqlite3.connect(folder / "lastfm_tags.db")) as db, db:
        db.execute("CREATE TABLE tids (tid TEXT)")
        db.execute("CREATE TABLE tags (tag TEXT)")
        db.execute("CREATE TABLE tid_tag (tid INT, tag INT, val FLOAT)")
        every = sorted({tag for at in range(TRACKS) for tag, _ in annotations(at)})
        db.executemany("INSERT INTO tags VALUES (?)", [(tag,) for tag in every])
        for at in reversed(range(TRACKS)):
            row = db.execute("INSERT INTO tids VALUES (?)", (IDS[at],)).lastrowid
            pairs = [(row, every.index(tag) + 1, score) for tag, score in annotations(at)]
            db.executemany("INSERT INTO tid_tag VALUES (?, ?, ?)", pairs)
    lines = [f"user{at % 7}\tSO{at:04d}\t{at + 1}\n" for at in range(TRACKS) if at != NOT_PLAYED]
    with gzip.open(folder / "train_triplets.txt.gz", "wt") as file:
        file.writelines(lines)
    return folder


def dataset(root: Path, lists: Path, **params: object) -> MSD500:
    return MSD500(root=root, lists=str(lists), **params)  # type: ignore[arg-type]


def test_tracks_and_tags_follow_the_rules(tmp_path: Path, lists: Path) -> None:
    data = dataset(tmp_path, lists)
    assert data.tags == ("blues", "drum 'n' bass", "rock")
    by_id = {row[0]: row for row in data.rows}
    left_out = {IDS[at] for at in (NOT_PLAYED, WITH_MANY_TAGS, WITHOUT_ARTIST)}
    assert set(by_id) == set(IDS) - left_out
    assert by_id[IDS[OF_LOW_SCORE]][2] == ["drum 'n' bass"]
    assert by_id[IDS[5]][2:] == [["drum 'n' bass", "rock"], "AR001", "AR001:album 0", "SO0005"]
    assert dataset(tmp_path, lists, top=1).tags == ("rock",)


def test_split_keeps_artists_apart_and_has_enough_of_each_tag(tmp_path: Path, lists: Path) -> None:
    rows = dataset(tmp_path, lists, least_positives=25).rows
    assert rows == dataset(tmp_path / "again", lists, least_positives=25).rows
    assert len({(row[3], row[1]) for row in rows}) == len({row[3] for row in rows})
    counts = Counter((row[1], tag) for row in rows for tag in row[2])
    assert len(counts) == 9
    assert min(counts.values()) >= 25
    artists = Counter(split for _, split in {(row[3], row[1]) for row in rows})
    assert artists == {"train": 98, "valid": 21, "test": 21}
    other = dataset(tmp_path, lists, split_seed=1).rows
    assert [row[1] for row in other] != [row[1] for row in rows]
    with pytest.raises(TagbenchError, match="Set least_positives to"):
        dataset(tmp_path, lists, least_positives=60).rows  # noqa: B018


def test_published_groups_replace_the_rules(tmp_path: Path, lists: Path) -> None:
    (tmp_path / "track_metadata.db").write_bytes((lists / "track_metadata.db").read_bytes())
    lines = [f"{t}\tRock Songs\trock\tgenre\t{50 + at % 2}\n" for at, t in enumerate(IDS)]
    lines += [f"{t}\tjazz\tjazz\tgenre\t{49 + at % 2}\n" for at, t in enumerate(IDS)]
    (tmp_path / "track_tags.tsv").write_text("".join(lines), encoding="utf-8")
    data = dataset(tmp_path, tmp_path)
    counts = Counter(tag for row in data.rows for tag in row[2])
    assert counts == {"rock": TRACKS - 1, "jazz": TRACKS // 2 - 1}  # one has no artist
    (tmp_path / "track_tags.tsv").write_text("no table\n", encoding="utf-8")
    with pytest.raises(TagbenchError, match="expected an id, two tags, a category and a score"):
        dataset(tmp_path, tmp_path).rows  # noqa: B018


def test_clips_are_found_by_either_id(tmp_path: Path, lists: Path) -> None:
    clip = tmp_path / "clips" / "1" / "0" / "1005.clip.mp3"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"")
    data = dataset(tmp_path, lists, audio_dir=str(tmp_path / "clips"))
    tracks = {track.track_id: track for track in data.build_manifest()}
    assert tracks[IDS[5]].source.label == "1/0/1005.clip.mp3"
    assert tracks[IDS[5]].stamp
    with pytest.raises(TagbenchError, match="--audio-dir FOLDER"):
        dataset(tmp_path, lists).build_manifest()
    with pytest.raises(TagbenchError, match="There is no file"):
        dataset(tmp_path, tmp_path / "absent").rows  # noqa: B018


@pytest.mark.parametrize(
    ("tag", "key"),
    [
        ("Rock Songs", "rock"),
        ("R&B", "r and b"),
        ("Drum n' Bass", "drum and bass"),
        ("singer-songwriter", "singer songwriter"),
        ("80's music", "80s"),
        ("Blues", "blues"),
        ("party songs", "party"),
        ("parties", "party"),
        ("music", "music"),
        ("!!!", ""),
    ],
)
def test_spellings_have_one_key(tag: str, key: str) -> None:
    assert tag_key(tag) == key
