"""Contradictory tracks are refused before decoding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datamodules.common.errors import TagbenchError
from tests.support.sources import run, watched


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "vaild"}, "Unknown split 'vaild' in track 't0001'.*Did you mean 'valid'"),
        ({"tags": ("evn",)}, "Unknown tag 'evn'.*Did you mean 'even'"),
        ({"track_id": "t0000"}, "1 track ids more than once, such as 't0000'"),
        ({"extra": {"scale": 1.0}}, r"must not be called \['scale'\]"),
        ({"extra": {"loudness": "loud"}}, "'loudness' mixes types"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    tracks = watched(3)
    tracks[1] = replace(tracks[1], **change)
    with pytest.raises(TagbenchError, match=message):
        run(tracks, tmp_path / "c")


def test_single_label_means_one_tag(tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match=r"t0001.* has 2 tags \(odd, other\)"):
        run(watched(3), tmp_path / "c", task="singlelabel")
    with pytest.raises(TagbenchError, match="no tracks"):
        run([], tmp_path / "c")
