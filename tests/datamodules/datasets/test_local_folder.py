from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.datasets.local_folder import Folder
from tests.support.audio_files import noise, write

Make = Callable[..., Folder]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a table and the files it names, and return the dataset."""

    def build(
        table: str | bytes, *, place: str = "music", files: bool = True, **options: Any
    ) -> Folder:
        folder = tmp_path / place
        folder.mkdir(exist_ok=True)
        content = table if isinstance(table, bytes) else table.encode()
        (folder / "tags.csv").write_bytes(content)
        if files:
            for row, line in enumerate(content.decode("utf-8-sig").splitlines()[1:]):
                name = line.split(",")[0].strip().strip('"').replace("\\", "/")
                if name and not (folder / name).exists():
                    write(folder / name, noise(0.3 + 0.01 * row, 16000, row), 16000)
        return Folder(**{"data": str(folder), "root": tmp_path / "root", **options})

    return build


SPLIT = "path,tags,split,artist,album\n" + "".join(
    f"{split}{i}.wav,{'rock|loud' if i % 2 else 'jazz'},{split},{split} {i},\n"
    for split in ("train", "valid", "test")
    for i in range(2)
)
PLAIN = "path,tags\n" + "".join(f"{i}.wav,{'rock' if i % 3 else 'jazz'}\n" for i in range(12))


def test_a_table_becomes_a_corpus(make: Make) -> None:
    data = make(SPLIT)
    data.prepare_data()
    corpus = data.corpus
    assert data.tags == corpus.tags == ("jazz", "loud", "rock")
    assert list(corpus.frame["track_id"]) == sorted(
        f"{split}{i}.wav" for split in ("train", "valid", "test") for i in range(2)
    )
    assert corpus.targets("test").tolist() == [[1, 0, 0], [0, 1, 1]]
    assert corpus.clusters("test") == ["artist:test 0", "artist:test 1"]
    assert not (data.corpus_root / "split.csv").exists()


def test_what_spreadsheets_do_to_a_table_is_fine(make: Make) -> None:
    table = (
        "\ufeffPath , TAGS,artist\r\n"
        '"a, b.wav", slow | piano |,"Simon, Paul"\r\n'
        "live\\two.wav,piano,\r\n"
        "\r\n"
        "./live/three.wav,,Ann\r\n"
        " four.wav ,slow|slow,Ann\r\n"
        ",,\r\n"
    )
    data = make(table, files=False)
    assert [(row.path, row.tags, row.artist) for row in data.rows] == [
        ("a, b.wav", ("piano", "slow"), "Simon, Paul"),
        ("four.wav", ("slow",), "Ann"),
        ("live/three.wav", (), "Ann"),
        ("live/two.wav", ("piano",), ""),
    ]


def test_the_table_itself_may_be_named(make: Make, tmp_path: Path) -> None:
    data = make(SPLIT)
    other = tmp_path / "music" / "genres.csv"
    other.write_text(SPLIT.replace("rock|loud", "rock"))
    named = Folder(data=str(other), task="singlelabel", root=tmp_path / "root")
    assert named.tags == ("jazz", "rock")
    assert len(named.build_manifest()) == 6
    assert named.corpus_root != data.corpus_root


def test_a_drawn_split_is_written_down_and_stays(make: Make) -> None:
    data = make(PLAIN)
    data.prepare_data()
    lines = (data.corpus_root / "split.csv").read_text().splitlines()
    assert lines[0] == "path,split,artist"
    written = dict(line.split(",")[:2] for line in lines[1:])
    assert written == dict(
        zip(data.corpus.frame["track_id"], data.corpus.frame["split"], strict=True)
    )
    shuffled = [PLAIN.splitlines()[0], *reversed(PLAIN.splitlines()[1:])]
    again = make("\n".join(shuffled))
    assert again.params_key == data.params_key
    assert {t.track_id: t.split for t in again.build_manifest()} == written
    assert make(PLAIN, split_seed=1).params_key != data.params_key
    assert {track.split for track in make(PLAIN, test=1.0).build_manifest()} == {"test"}


def test_artists_stay_on_one_side(make: Make) -> None:
    table = "path,tags,artist\n" + "".join(
        f"{i}.wav,{'ab'[i % 2]},artist {i % 5}\n" for i in range(30)
    )
    tracks = make(table).build_manifest()
    sides = {(track.artist, track.split) for track in tracks}
    assert len(sides) == 5
    assert {split for _, split in sides} == {"train", "valid", "test"}


def test_identity_is_content_and_not_place(make: Make, tmp_path: Path) -> None:
    here = make(SPLIT)
    shutil.copytree(tmp_path / "music", tmp_path / "elsewhere")
    there = Folder(data=str(tmp_path / "elsewhere"), root=tmp_path / "root")
    assert there.params_key == here.params_key
    here.prepare_data()
    there.prepare_data()
    assert there.corpus.manifest_digest == here.corpus.manifest_digest
    elsewhere = Folder(data=str(tmp_path / "elsewhere"), root=tmp_path / "other root")
    elsewhere.prepare_data()
    assert elsewhere.corpus.manifest_digest == here.corpus.manifest_digest
    text = (here.corpus_root / "manifest.parquet").read_bytes()
    assert str(tmp_path).encode() not in text
    assert make(SPLIT.replace("jazz", "blues")).params_key != here.params_key


def test_new_labels_decode_nothing_anew(make: Make) -> None:
    first = make(SPLIT)
    first.prepare_data()
    second = make(SPLIT.replace("jazz", "blues") + "more.wav,blues,train,x,\n")
    second.prepare_data()
    assert second.corpus_root != first.corpus_root
    linked = [p for p in (second.corpus_root / "shards").glob("*.i16") if p.stat().st_nlink > 1]
    assert linked
    assert len(second.corpus) == 7
    audio = {track: row for row, track in enumerate(second.corpus.track_ids)}
    for row, track in enumerate(first.corpus.track_ids):
        assert (first.corpus.audio(row) == second.corpus.audio(audio[track])).all()


def test_a_replaced_file_is_noticed(make: Make, tmp_path: Path) -> None:
    data = make(SPLIT)
    data.prepare_data()
    write(tmp_path / "music" / "test0.wav", noise(1.0, 16000, 99), 16000)
    again = make(SPLIT, files=False)
    again.prepare_data()
    assert again.corpus_root == data.corpus_root
    assert again.corpus.manifest_digest != data.corpus.manifest_digest
    assert again.corpus.samples[0] == 16000


def test_ten_clips_are_enough_and_gaps_are_told(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    table = "path,tags\n" + "".join(f"{i}.wav,tag{i % 4}\n" for i in range(10))
    data = make(table, task="singlelabel", batch_size=4, window=1000)
    with caplog.at_level(logging.WARNING):
        data.prepare_data()
    assert len(data.corpus) == 10
    lacking = [record.getMessage() for record in caplog.records]
    assert any("tags have no positive in valid" in text for text in lacking)
    assert list(data.corpus.info["cautions"]) == [text.split(": ", 1)[1] for text in lacking]
    assert next(iter(data.train_dataloader()))["audio"].shape == (4, 1000)
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert sum(len(batch["track_ids"]) for batch in loader) >= 1


def test_leaking_artists_are_told(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    data = make(SPLIT.replace("test 1", "train 1").replace("valid 0", "train 0"))
    with caplog.at_level(logging.WARNING):
        data.prepare_data()
    assert "2 of 4 artists are in more than one split" in caplog.text


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ("", {}, r"has no column path and no column tags; its header is empty"),
        ("file,tags\na.wav,x\n", {}, "has no column path; its header is file,tags"),
        ("path,tags,artits\na.wav,x,y\n", {}, "Unknown column 'artits'.*Did you mean 'artist'"),
        ("path,tags,tags\na.wav,x,y\n", {}, "column 'tags' more than once"),
        ("path,tags\n", {}, "has a header and no rows"),
        ("path,tags\na.wav,\nb.wav,|\n", {}, "no row has a tag"),
        ("path,tags\n,x\n", {}, r"line 2: the path is empty"),
        ("path,tags\na.wav,x\nb.wav,x\n./a.wav,y\n", {}, r"line 4: 'a.wav' is .* in line 2"),
        ("path,tags\na.wav,x,y\n", {}, r"line 2: 3 fields, but the header names 2"),
        ("path,tags\n../a.wav,x\n", {}, "leads out of the folder"),
        ("path,tags\n/etc/a.wav,x\n", {}, "leads out of the folder"),
        ("path,tags\nC:\\music\\a.wav,x\n", {}, "leads out of the folder"),
        ('path,tags\n"a.wav,x\n', {}, "not CSV"),
        ("path,tags\na.wav,x|y\n", {"task": "singlelabel"}, r"line 2: 'a.wav' has 2 tags \(x \| y"),
        ("path,tags\na.wav,\n", {"task": "singlelabel"}, r"has 0 tags \(none\)"),
        ("path,tags,split\na.wav,x,tset\n", {}, "Unknown split 'tset'.*Did you mean 'test'"),
        ("path,tags,split\na.wav,x,train\nb.wav,x,\n", {}, "1 of 2 rows have no split, .* 'b.wav'"),
        ("path,tags,split\na.wav,x,train\nb.wav,x,test\n", {}, "no row is in valid"),
        (b"path,tags\n\xe9.wav,x\n", {}, r"not UTF-8 \(byte 10\)"),
    ],
)
def test_a_wrong_table_is_explained(
    make: Make, table: str | bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TagbenchError, match=message) as caught:
        make(table, files=False, **options).build_manifest()
    assert "tags.csv" in str(caught.value)


def test_missing_files_are_counted(make: Make, tmp_path: Path) -> None:
    data = make(SPLIT)
    for name in ("test0.wav", "valid1.wav"):
        (tmp_path / "music" / name).unlink()
    with pytest.raises(
        TagbenchError, match=r"2 of 6 files .* do not exist: test0.wav, valid1.wav\."
    ):
        data.build_manifest()


def test_a_missing_table_shows_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match=r"(?s)tags.csv does not exist.*Example:.*guitar\|slow"):
        _ = Folder(data=str(tmp_path), root=tmp_path, task="singlelabel").tags
    with pytest.raises(TagbenchError, match=r"There is no audio in .*: looked for aif .* wav"):
        _ = Folder(data=str(tmp_path), root=tmp_path).tags
    with pytest.raises(
        TagbenchError, match=r"There is no directory .*nowhere\. Expected .* --data"
    ):
        _ = Folder(data=str(tmp_path / "nowhere"), root=tmp_path).tags


def test_a_tag_that_cannot_be_learnt_is_refused(make: Make) -> None:
    with pytest.raises(TagbenchError, match="1 of 4 tags have no track in train: polka"):
        make(SPLIT + "last.wav,polka,test,x,\n").build_manifest()


def test_too_few_tracks_are_refused(make: Make) -> None:
    with pytest.raises(TagbenchError, match="at least 3 artists"):
        make("path,tags\na.wav,x\nb.wav,x\n").build_manifest()


def test_accents_are_found_however_they_are_written(make: Make, tmp_path: Path) -> None:
    data = make(SPLIT.replace("test0.wav", "caf\u00e9.wav"))
    (tmp_path / "music" / "caf\u00e9.wav").rename(tmp_path / "music" / "cafe\u0301.wav")
    assert len(data.build_manifest()) == 6


def test_ten_real_clips(shared_data: Path, tmp_path: Path) -> None:
    """The labels are the true ones of FMA."""
    rock = ("000255", "000256", "000368", "000574", "000459", "000690", "000182")
    rows = [f"fma_{number}.mp3,Rock" for number in rock]
    rows += [f"fma_{name}.mp3,Hip-Hop" for name in ("small_000002", "000005", "000676")]
    for path in (shared_data / "audio").glob("fma_*.mp3"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "tags.csv").write_text("path,tags\n" + "\n".join(rows) + "\n")
    data = Folder(data=str(tmp_path), task="singlelabel", root=tmp_path / "root", workers=2)
    data.prepare_data()
    corpus = data.corpus
    assert corpus.info["rejected"] == 0
    assert corpus.info["splits"] == {"train": 6, "valid": 2, "test": 2}
    assert corpus.info["cautions"] == []
    assert {len(corpus.audio(row)) for row in range(10)} == {479_625, 480_043}


def test_audio_that_cannot_be_decoded_is_counted_and_listed(tmp_path: Path) -> None:
    music = tmp_path / "music"
    write(music / "good.wav", noise(1.0, 16000), 16000)
    (music / "song.M4A").write_bytes(
        b"\0\0\0\x1cftypM4A " + bytes(40) + b"stsd" + bytes(12) + b"mp4a"
    )
    (music / "gone.mp3").symlink_to("nowhere.mp3")
    (music / "linked").symlink_to(tmp_path / "elsewhere")
    write(tmp_path / "elsewhere" / "far.flac", noise(1.0, 16000), 16000)
    data = Folder(data=str(music), root=tmp_path / "root")
    data.prepare_data()
    assert list(data.corpus.frame["track_id"]) == ["good.wav", "linked/far.flac"]
    assert data.corpus.info["rejected"] == 2
    rejected = (data.corpus_root / "rejected.csv").read_text()
    assert 'song.M4A,song.M4A,"unsupported codec: this build cannot decode AAC.' in rejected
    assert "ffmpeg -i" in rejected
    assert "gone.mp3,gone.mp3,missing file" in rejected
    for name in ("good.wav", "linked", "gone.mp3"):
        (music / name).unlink()
    alone = Folder(data=str(music), root=tmp_path / "root")
    with pytest.raises(TagbenchError, match=r"None of the 1 tracks .*song.M4A: .*decode AAC"):
        alone.prepare_data()
    assert "decode AAC" in (alone.corpus_root / "rejected.csv").read_text()


def test_a_damaged_track_costs_only_itself(make: Make, tmp_path: Path) -> None:
    data = make(SPLIT)
    audio = noise(1.0, 16000)
    audio[100] = 1e29
    write(tmp_path / "music" / "test0.wav", audio, 16000, subtype="FLOAT")
    data.prepare_data()
    assert len(data.corpus) == 5
    rejected = (data.corpus_root / "rejected.csv").read_text()
    assert 'test0.wav,test0.wav,"a sample of magnitude 1e+29 at 0.01 s' in rejected
