"""Rows of a user's table in the split ``unlabelled``."""

from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.common.errors import TagbenchError
from datamodules.datasets.local_folder import Folder
from tests.support import music


def add_rows(folder: Path, *rows: str) -> None:
    for row in rows:
        name = row.split(",")[0]
        (folder / name).write_bytes((folder / "000.wav").read_bytes())
    with (folder / "tags.csv").open("a", encoding="utf-8") as table:
        table.writelines(f"{row}\n" for row in rows)


def test_rows_may_be_unlabelled(tmp_path: Path) -> None:
    folder = music.folder(tmp_path / "music", counts=(2, 2, 2), seconds=0.5)
    add_rows(folder, "pool0.wav,,unlabelled,", "pool1.wav,,unlabelled,")
    data = Folder(data=str(folder), root=tmp_path / "root", window=1000)
    data.prepare_data()
    assert data.corpus.pool == "unlabelled"
    assert data.corpus.info["splits"] == {"train": 2, "valid": 2, "test": 2, "unlabelled": 2}
    (batch,) = data.crops(split=data.corpus.pool)
    assert sorted(batch["track_ids"]) == ["pool0.wav", "pool1.wav"]
    assert not batch["targets"].any()


def test_an_unlabelled_row_has_no_tags(tmp_path: Path) -> None:
    folder = music.folder(tmp_path / "music", counts=(2, 2, 2), seconds=0.5)
    add_rows(folder, "pool0.wav,low,unlabelled,")
    with pytest.raises(TagbenchError, match="in split unlabelled and has the tags low"):
        Folder(data=str(folder), root=tmp_path / "root").prepare_data()
