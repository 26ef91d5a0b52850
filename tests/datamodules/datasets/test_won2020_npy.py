"""Data of other programs, read as it is; ours, written for them."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile
import soxr
from typer.testing import CliRunner

from benchmark.cli import app
from datamodules.audio.errors import AudioError
from datamodules.audio.npy_waveform import NpySource
from datamodules.audio.sources import FileSource
from datamodules.common.errors import TagbenchError
from datamodules.corpus.completeness import Expected, check_complete
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.disk_estimate import estimate_disk
from datamodules.corpus.export import export, file_name
from datamodules.corpus.track import Track
from datamodules.datasets.local_folder import Folder
from datamodules.datasets.magnatagatune import MagnaTagATune
from datamodules.datasets.won2020_npy import ReferenceTree
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.vocabularies import MTAT_TOP50
from tests.support import won2020_trees
from tests.support.audio_files import noise
from tests.support.music import folder as music_folder
from tests.support.music import tone
from tests.support.publishers import mtat as publisher

COUNTS = Expected(50, 4, 2, 2)


class SmallTree(ReferenceTree):
    """The leaf, proved by the counts of the trees that are written here."""

    expected_by_variant: ClassVar = {"mtat": COUNTS, "msd": COUNTS, "jamendo": COUNTS}


# Arrays of samples


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i2"])
@pytest.mark.parametrize("shape", [(-1,), (1, -1), (-1, 1)])
def test_an_array_of_any_kind_is_the_same_audio(
    tmp_path: Path, dtype: str, shape: tuple[int, ...]
) -> None:
    audio = np.rint(noise(0.1, 16000) * 8192) / 32768
    stored = audio * 32768 if dtype == "<i2" else audio
    np.save(tmp_path / "a.npy", stored.astype(dtype).reshape(shape))
    found = NpySource(tmp_path / "a.npy", "a").read(16000)
    assert found.dtype == np.float32
    assert found.flags.writeable
    assert np.array_equal(found, audio.astype(np.float32))


def test_an_array_of_another_rate_is_resampled(tmp_path: Path) -> None:
    audio = noise(0.5, 22050)
    np.save(tmp_path / "a.npy", audio)
    source = NpySource(tmp_path / "a.npy", "a", rate=22050)
    assert np.array_equal(source.read(16000), soxr.resample(audio, 22050, 16000))
    assert source.seconds() == pytest.approx(0.5)
    assert estimate_disk([Track("a", "train", (), source)], 16000).seconds == pytest.approx(0.5)
    assert source.sha256() != NpySource(tmp_path / "a.npy", "a").sha256()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 100), np.float32), r"shape \(2, 100\): expected mono"),
        (np.zeros(100, np.int32), "int32 samples: expected float32"),
        (np.zeros(100, np.float16), "float16 samples"),
        (np.array([0, np.nan], np.float32), "not finite"),
        (np.array([0, 1e300]), "not finite"),
        (np.zeros(0, np.float32), "no samples"),
        (np.array([{"a": 1}], dtype=object), "pickled Python objects, which are never loaded"),
    ],
)
def test_what_is_no_audio_is_refused(tmp_path: Path, array: Any, reason: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(AudioError, match=reason):
        NpySource(tmp_path / "a.npy", "a").read(16000)


def test_broken_and_absent_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with pytest.raises(AudioError, match="missing file") as caught:
        NpySource(path, "a").read(16000)
    assert caught.value.transient
    np.save(path, noise(0.1, 16000))
    path.write_bytes(path.read_bytes()[:1000])
    for content in (path.read_bytes(), b"", b"no array"):
        path.write_bytes(content)
        with pytest.raises(AudioError, match="NumPy array"):
            NpySource(path, "a").read(16000)
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))
    with pytest.raises(AudioError, match="archive of arrays"):
        NpySource(path, "a").read(16000)


# Trees of the reference


@pytest.mark.parametrize("layout", ["mtat", "msd", "jamendo"])
def test_a_reference_tree_becomes_a_corpus(tmp_path: Path, layout: Any) -> None:
    won2020_trees.WRITERS[layout](tmp_path / "won")
    data = SmallTree(
        layout=layout, data=str(tmp_path / "won" / "data"), root=tmp_path / "root", workers=1
    )
    data.prepare_data()
    corpus = data.corpus
    assert corpus.tags == won2020_trees.VOCABULARY[layout]
    assert corpus.info["splits"] == {"train": 4, "valid": 2, "test": 2}
    assert corpus.info["rejected"] == 0
    for split, first in (("train", 0), ("valid", 4), ("test", 6)):
        for row, targets in enumerate(corpus.targets(split)):
            assert np.flatnonzero(targets).tolist() == won2020_trees.positives(first + row)
            audio = corpus.audio(int(corpus.split(split).index[row]))
            assert np.allclose(audio, tone(first + row, 0.5), atol=1e-4)


def test_clips_may_lie_in_the_publishers_folders(tmp_path: Path) -> None:
    def tracks(root: Path, data: str) -> list[Track]:
        place = str(root / data)
        splits = str(root / "split")
        tree = SmallTree(layout="mtat", data=place, splits=splits, root=tmp_path / "root")
        return list(tree.build_manifest())

    flat = tracks(won2020_trees.mtat(tmp_path / "flat"), "data")
    nested = tracks(won2020_trees.mtat(tmp_path / "nested", flat=False), "data/mtat/npy")
    assert [t.source.label for t in flat] == [t.source.label for t in nested]
    assert all(t.source.sha256() == u.source.sha256() for t, u in zip(flat, nested, strict=True))
    assert flat[0].track_id == "a/artist_0-an_album-00-a_title-0-29.mp3"
    assert (flat[0].artist, flat[0].song) == ("artist_0", "artist_0-an_album#00")


def test_missing_arrays_are_counted_before_decoding(tmp_path: Path) -> None:
    won2020_trees.jamendo(tmp_path / "won")
    (tmp_path / "won/data/mtg-jamendo/npy/06/1006.npy").unlink()
    options: dict[str, Any] = {
        "layout": "jamendo", "data": str(tmp_path / "won/data"), "root": tmp_path, "workers": 1
    }  # fmt: skip
    with pytest.raises(TagbenchError, match="1 of 2 test tracks"):
        SmallTree(**options).prepare_data()
    data = SmallTree(**options, partial=True)
    data.prepare_data()
    assert data.corpus.info["splits"] == {"train": 4, "valid": 2, "test": 1}


def test_wrong_split_files_are_explained(tmp_path: Path) -> None:
    root = won2020_trees.mtat(tmp_path / "won")
    split = root / "split" / "mtat"

    def fails(reason: str) -> None:
        with pytest.raises(TagbenchError, match=reason):
            SmallTree(layout="mtat", data=str(root / "data"), root=tmp_path).build_manifest()

    np.save(split / "test.npy", np.array(["99\tf/a-b-01-c-0-29.mp3"]))
    fails("test.npy, entry 0: expected a row of binary.npy below 20")
    np.save(split / "test.npy", np.array(["0\tf/a-b-01-c-0-29.mp3"]))
    fails("test: expected 2 tracks, found 1")
    np.save(split / "binary.npy", np.array([["x"]], dtype=object), allow_pickle=True)
    fails("binary.npy: .* pickled Python objects")
    (split / "binary.npy").unlink()
    fails("No split files of mtat in .*expected train.npy")
    with pytest.raises(TagbenchError, match="Did you mean 'mtat'"):
        SmallTree(layout="mtt", data=str(root), root=tmp_path)  # type: ignore[arg-type]


def test_the_rule_gives_the_lists_of_magnatagatune(tmp_path: Path, shared_data: Path) -> None:
    """Split files made by rule from the publisher's table have the digest that is proved."""
    split = tmp_path / "split" / "mtat"
    split.mkdir(parents=True)
    rows: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    labels = []
    table = shared_data / "mtat" / "annotations_final.csv.gz"
    with gzip.open(table, "rt", encoding="ascii", newline="") as lines:
        for index, row in enumerate(csv.DictReader(lines, delimiter="\t")):
            labels.append([row[tag] == "1" for tag in MTAT_TOP50])
            if any(labels[-1]) and row["clip_id"] not in MagnaTagATune.errata:
                part = {"c": "valid", "d": "test", "e": "test", "f": "test"}
                rows[part.get(row["mp3_path"][0], "train")].append(f"{index}\t{row['mp3_path']}")
    np.save(split / "binary.npy", np.array(labels, dtype=np.int64))
    for name, texts in rows.items():
        np.save(split / f"{name}.npy", np.array(texts))
    tree = ReferenceTree(layout="mtat", data=str(tmp_path), root=tmp_path)
    tracks = tree.list_tracks()
    check_complete(tracks, tree.expected, "mtat")
    assert len({track.artist for track in tracks}) <= 230


def test_arrays_stand_for_a_publishers_files(tmp_path: Path) -> None:
    files = publisher.publish(tmp_path / "files", clips=4, seconds=0.5)

    class Local(MagnaTagATune):
        def file(self, remote: RemoteFile) -> Path:
            return files / remote.name

    def listed() -> list[Track]:
        return list(Local(audio_dir=str(tmp_path / "audio"), root=tmp_path).list_tracks())

    (tmp_path / "audio").mkdir()
    first, second, *_ = listed()
    assert isinstance(first.source, FileSource)
    assert not first.stamp
    array = tmp_path / "audio" / Path(second.source.label).with_suffix(".npy")
    array.parent.mkdir(parents=True)
    np.save(array, tone(1, 0.5))
    again = listed()[1]
    assert isinstance(again.source, NpySource)
    assert again.stamp
    assert np.array_equal(again.source.read(16000), tone(1, 0.5))


# Manifests


def manifest(folder: Path, *lines: Any) -> Path:
    folder.mkdir(exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path = folder / "manifest.jsonl"
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


GOOD = {"path": "a.wav", "tags": ["x|y", "z"]}


def test_a_manifest_is_read(tmp_path: Path) -> None:
    path = manifest(
        tmp_path / "music",
        {**GOOD, "split": "training", "song": "S", "track_id": "one", "bpm": 120, "notes": [1]},
        "",
        {"audio_path": "b\\c.npy", "label": "z", "split": "val", "sample_rate": 8000, "bpm": None},
        {"path": "d.flac", "tags": [], "split": "test", "sample_rate": 8000, "samples": 3},
    )
    one, two, three = Folder(data=str(path.parent), root=tmp_path).rows
    assert (one.name, one.tags, one.split, one.song) == ("one", ("x|y", "z"), "train", "S")
    assert (one.extra, three.extra) == ({"bpm": 120}, {})
    assert (two.name, two.tags, two.split, two.rate) == ("b/c.npy", ("z",), "valid", 8000)
    assert three.rate == 16000
    assert Folder(data=str(path), root=tmp_path).params_key  # the file itself may be named


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: expected one JSON object a line"),
        ({"path": "b.wav"}, "line 2: no 'tags'"),
        ({"path": "b.wav", "tags": ["z"], "artits": "A"}, "unknown key 'artits'. .*'artist'"),
        ({"path": "b.wav", "tags": ["z"], "label": "z"}, "'tags' is given twice"),
        ({"path": "b.wav", "tags": [1]}, "list of strings, found \\[1\\]"),
        ({"path": 3, "tags": ["z"]}, "path must be a string"),
        ({"path": "b.npy", "tags": ["z"], "sample_rate": "16k"}, 'whole Hz, found "16k"'),
        ({"path": "b.wav", "tags": ["z"], "split": "tset"}, "Did you mean 'test'"),
        ({"path": "../b.wav", "tags": ["z"]}, "leads out of the folder"),
        (
            {"path": "./a.wav", "tags": ["z"]},
            "line 2: the path 'a.wav' is there already, in line 1",
        ),
        (
            {"path": "b.wav", "tags": ["z"], "track_id": "a.wav"},
            "track_id 'a.wav' is there already",
        ),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: Any, reason: str) -> None:
    path = manifest(tmp_path / "music", GOOD, line)
    with pytest.raises(TagbenchError, match=reason):
        _ = Folder(data=str(path), root=tmp_path).rows


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    path = manifest(tmp_path / "music", GOOD)
    (path.parent / "tags.csv").write_text("path,tags\na.wav,z\n")
    with pytest.raises(TagbenchError, match=r"holds both tags\.csv and manifest"):
        _ = Folder(data=str(path.parent), root=tmp_path).rows


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus with odd track ids, songs, albums, a column of one's own, and a loud track."""
    root = tmp_path_factory.mktemp("prepared")
    music = music_folder(root / "music", counts=(4, 2, 2), seconds=0.5)
    (music / "tags.csv").unlink()
    soundfile.write(music / "001.wav", 1.5 * tone(1, 0.5) / 0.2, 16000, subtype="FLOAT")
    splits = [s for s, n in (("train", 4), ("valid", 2), ("test", 2)) for _ in range(n)]
    lines = [
        {
            "path": f"{index:03d}.wav", "tags": ["low", "a|b"] if index % 2 else ["high"],
            "split": split, "track_id": f"../odd: {index}?/é.mp3", "song": f"song {index // 2}",
            "artist": f"artist {index // 4}", **({"bpm": 90 + index} if index else {}),
        }
        for index, split in enumerate(splits)
    ]  # fmt: skip
    data = Folder(data=str(manifest(music, *lines)), root=root / "root", workers=1)
    data.prepare_data()
    return data.corpus


@pytest.mark.parametrize("format_", ["flac", "npy"])
def test_what_is_exported_is_what_comes_back(
    tmp_path: Path, prepared: Corpus, format_: str
) -> None:
    out = tmp_path / "out" / "manifest.jsonl"
    export(prepared, out, audio=out.parent / "audio", format_=format_)
    first = json.loads(out.read_text(encoding="utf-8").splitlines()[0])
    assert first["samples"] == 8000
    assert first["sample_rate"] == 16000
    assert "bpm" not in first
    assert first["audio_sha256"] == prepared.frame["audio_sha256"][0]
    shutil.move(out.parent, tmp_path / "elsewhere")
    data = Folder(data=str(tmp_path / "elsewhere"), root=tmp_path / "root", workers=1)
    data.prepare_data()
    corpus = data.corpus
    assert corpus.split_digest == prepared.split_digest
    assert corpus.tags_digest == prepared.tags_digest
    for column in ("track_id", "split", "tags", "artist", "album", "song"):
        assert corpus.frame[column].tolist() == prepared.frame[column].tolist()
    assert corpus.frame["bpm"].fillna(0).tolist() == prepared.frame["bpm"].fillna(0).tolist()
    for row in range(len(corpus)):
        ours, theirs = prepared.audio(row), corpus.audio(row)
        if format_ == "flac":  # what exceeds full scale is made to fit
            ours = ours / max(1.0, float(np.abs(ours).max()))
        assert np.allclose(theirs, ours, atol=2 / 32768)


def test_exporting_twice_gives_the_same_bytes(tmp_path: Path, prepared: Corpus) -> None:
    outs = [tmp_path / name / "manifest.jsonl" for name in ("one", "two")]
    for out in outs:
        export(prepared, out, audio=out.parent / "audio")
    files = sorted(
        path.relative_to(outs[0].parent) for path in outs[0].parent.rglob("*") if path.is_file()
    )
    assert len(files) == 9
    assert all(
        (outs[0].parent / file).read_bytes() == (outs[1].parent / file).read_bytes()
        for file in files
    )


def test_names_of_files_are_safe_and_differ() -> None:
    ids = ["a/b.mp3", "a%2Fb", "../a", "..", "/etc", "a//b", "a/", "C:\\x", 'x?*"<>|', "é\n", "a%b"]
    names = [file_name(track_id) for track_id in ids]
    assert names[0] == "a/b.mp3"
    assert len(set(names)) == len(ids)
    for name in names:
        assert all(part and part[0] != "." for part in name.split("/"))
        assert not set(name) & set('\\:*?"<>|\n')


def test_export_refuses_what_it_cannot_write(tmp_path: Path, prepared: Corpus) -> None:
    out = tmp_path / "here" / "manifest.jsonl"
    with pytest.raises(TagbenchError, match="is not below"):
        export(prepared, out, audio=tmp_path / "there")
    with pytest.raises(TagbenchError, match="Did you mean 'flac'"):
        export(prepared, out, format_="flacc")


def test_the_command_exports_a_manifest_beside_the_audio(tmp_path: Path) -> None:
    music = music_folder(tmp_path / "music", counts=(4, 2, 2), seconds=0.3)
    out = music / "manifest.jsonl"
    options = ["--data", str(music), "--data-root", str(tmp_path / "root"), "--workers", "1"]
    done = CliRunner().invoke(app, ["export", "--dataset", "folder", "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    assert "8 tracks" in done.output
    before = Folder(data=str(music / "tags.csv"), root=tmp_path).build_manifest()
    after = Folder(data=str(out), root=tmp_path).build_manifest()
    assert [(t.track_id, t.split, t.tags, t.group, t.source) for t in before] == [
        (t.track_id, t.split, t.tags, t.group, t.source) for t in after
    ]
