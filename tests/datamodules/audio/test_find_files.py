"""Search of folders with links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datamodules.audio.find_files import find_audio_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("music/b.wav", "music/live/c.MP3", "music/d.m4a", "music/notes.txt", "else/a.ogg"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    return tmp_path / "music"


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_audio_files(folder)]


def test_every_file_that_may_be_audio_is_listed(folder: Path) -> None:
    (folder / "album.wav").mkdir()
    os.mkfifo(folder / "pipe.wav")
    assert names(folder) == ["b.wav", "d.m4a", "live/c.MP3"]


def test_linked_folders_are_followed_once(folder: Path) -> None:
    (folder / "a link").symlink_to(folder / "live")
    (folder / "other").symlink_to("../else")
    (folder / "twice").symlink_to(folder.parent / "else")
    assert names(folder) == ["b.wav", "d.m4a", "live/c.MP3", "other/a.ogg"]


def test_loops_are_cut(folder: Path) -> None:
    (folder / "live" / "up").symlink_to("..")
    (folder / "self").symlink_to(folder)
    (folder / "above").symlink_to(folder.parent)
    (folder / "nowhere").symlink_to("nowhere")
    (folder.parent / "else" / "back").symlink_to(folder)
    (folder / "other").symlink_to("../else")
    assert names(folder) == ["b.wav", "d.m4a", "live/c.MP3", "other/a.ogg"]


def test_a_link_to_a_missing_file_is_listed(folder: Path) -> None:
    (folder / "gone.wav").symlink_to("nowhere.wav")
    (folder / "gone").symlink_to("nowhere")
    assert names(folder) == ["b.wav", "d.m4a", "gone.wav", "live/c.MP3"]


def test_the_folder_may_be_a_link(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert names(link) == names(folder)
