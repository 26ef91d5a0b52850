"""Reading of ``manifest.jsonl``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.datasets.local_folder import Folder
from tests.support.manifests import write_manifest

GOOD = {"path": "a.wav", "tags": ["x|y", "z"]}


def test_a_manifest_is_read(tmp_path: Path) -> None:
    path = write_manifest(
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
        ("[1]", "line 2: expected one JSON object on each line"),
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
            "line 2: the path 'a.wav' is already given in line 1",
        ),
        (
            {"path": "b.wav", "tags": ["z"], "track_id": "a.wav"},
            "track_id 'a.wav' is already given",
        ),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: Any, reason: str) -> None:
    path = write_manifest(tmp_path / "music", GOOD, line)
    with pytest.raises(TagbenchError, match=reason):
        _ = Folder(data=str(path), root=tmp_path).rows


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "music", GOOD)
    (path.parent / "tags.csv").write_text("path,tags\na.wav,z\n")
    with pytest.raises(TagbenchError, match=r"holds both tags\.csv and manifest"):
        _ = Folder(data=str(path.parent), root=tmp_path).rows
