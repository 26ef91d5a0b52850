"""Export of a corpus to a manifest and audio files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from benchmark.cli import app
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.export import export, file_name
from datamodules.datasets.local_folder import Folder
from tests.support.manifests import write_manifest
from tests.support.music import folder as music_folder
from tests.support.music import tone


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
    data = Folder(data=str(write_manifest(music, *lines)), root=root / "root", workers=1)
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
