"""Layouts of the audio of the Million Song Dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.annotations.msd_audio_layout import BY_CLIP, BY_TRACK, detect, finder
from datamodules.common.errors import TagbenchError
from tests.support.publishers import msd


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return msd.by_clip(tmp_path_factory.mktemp("clips"), range(42))


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    formats = ("wav", "mp3", "flac", "ogg", "npy")
    return msd.by_track(tmp_path_factory.mktemp("songs"), range(42), formats)


def test_the_layout_is_seen(tmp_path: Path, clips: Path, songs: Path) -> None:
    assert detect(clips) is BY_CLIP
    assert detect(songs) is BY_TRACK
    (tmp_path / "A" / "mp3").mkdir(parents=True)
    (tmp_path / "7").mkdir()
    with pytest.raises(TagbenchError, match="neither of the layouts"):
        detect(tmp_path)
    with pytest.raises(TagbenchError, match=r"neither of the layouts.*names of one character"):
        detect(clips.parent)
    (tmp_path / "7" / "1").mkdir()
    (tmp_path / "A" / "B" / "C").mkdir(parents=True)
    with pytest.raises(TagbenchError, match="both of the layouts"):
        detect(tmp_path)


def test_a_file_may_have_other_extensions(tmp_path: Path) -> None:
    for name in (
        "8947470.wav",
        "8947470.clip.ogg",
        "8947471.flac",
        "8947471.wav",
        "8947472.txt",
        "8947473.npy",
    ):
        path = tmp_path / "8" / "9" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    find = finder(tmp_path, BY_CLIP)
    assert find("8947470") == "8/9/8947470.clip.ogg"
    assert find("8947471") == "8/9/8947471.flac"
    assert find("8947472") == "8/9/8947472.clip.mp3"  # not there: the usual name
    assert find("8947473") == "8/9/8947473.npy"
    assert find("7") == "7/7.clip.mp3"
    assert finder(tmp_path, BY_TRACK)("TRAAAAK128F9318786") == "A/A/A/TRAAAAK128F9318786.mp3"
