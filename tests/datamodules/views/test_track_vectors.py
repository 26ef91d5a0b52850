"""Vectors of tracks from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.views.catalogue import joined_view
from datamodules.views.track_vectors import TrackVectors
from datamodules.views.vector_file import write_vectors

VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)
AUDIO = np.zeros(1, np.float32)


def test_the_identity_is_the_content_and_not_the_file(tmp_path: Path):
    write_vectors(tmp_path / "a.parquet", ["t1", "t2", "t3"], VECTORS)
    write_vectors(tmp_path / "b.npz", ["t3", "t1", "t2"], VECTORS[[2, 0, 1]])
    write_vectors(tmp_path / "c.npz", ["t3", "t1", "t2"], VECTORS)
    views = [TrackVectors(path=str(tmp_path / name)) for name in ("a.parquet", "b.npz", "c.npz")]
    assert views[0] == views[1] != views[2]
    assert views[0].identity() == views[1].identity()
    assert "path" not in views[0].identity()["params"]
    np.testing.assert_array_equal(views[1].of_track("t2", AUDIO), [[2, 3]])
    # A replaced file is not read as if it were the planned one.
    write_vectors(tmp_path / "a.parquet", ["t1", "t2", "t3"], VECTORS + 1)
    with pytest.raises(TagbenchError, match="have changed since the run was planned"):
        views[0].of_track("t2", AUDIO)


def test_missing_tracks_are_counted_and_named_or_get_the_mean(tmp_path: Path):
    file = tmp_path / "a.npz"
    write_vectors(file, ["t1", "t2", "t3"], VECTORS)
    view = TrackVectors(path=str(file))
    view.check_tracks(["t1", "t3"])
    with pytest.raises(TagbenchError, match=r"no vector for 2 of 3 tracks, such as x1, x2\. Its"):
        view.check_tracks(["t1", "x1", "x2"])
    with pytest.raises(TagbenchError, match="no vector for 1 of 1"):
        view.of_track("x1", AUDIO)
    mean = TrackVectors(path=str(file), missing="mean")
    mean.check_tracks(["t1", "x1"])
    np.testing.assert_array_equal(mean.of_track("x1", AUDIO), [[2, 3]])
    with pytest.raises(TagbenchError, match="2 of 2"):  # the file is that of another dataset
        mean.check_tracks(["x1", "x2"])
    with pytest.raises(TagbenchError, match="cannot be applied to an audio file"):
        view.compute(AUDIO)


def test_bad_files_are_refused(tmp_path: Path):
    file = tmp_path / "a.npz"
    with pytest.raises(TagbenchError, match=r"No such file.*Expected a Parquet file"):
        TrackVectors(path=str(file))
    file.write_bytes(b"nonsense")
    with pytest.raises(TagbenchError, match=r"cannot be read.*track_id"):
        TrackVectors(path=str(file))
    np.savez(file, track_id=["t1"], vectors=VECTORS)
    with pytest.raises(TagbenchError, match="'vector"):
        TrackVectors(path=str(file))
    write_vectors(file, ["t1", "t2", "t1"], VECTORS)
    with pytest.raises(TagbenchError, match="several vectors for 1 tracks, such as t1"):
        TrackVectors(path=str(file))
    write_vectors(file, ["t1", "t2", "t3"], np.where(VECTORS == 3, np.nan, VECTORS))
    with pytest.raises(TagbenchError, match="vectors of 1 of 3 tracks, such as t2"):
        TrackVectors(path=str(file))
    with pytest.raises(TagbenchError, match=r"track_vectors\.path: .*string.*found 3"):
        joined_view([{"name": "track_vectors", "path": 3}])
    with pytest.raises(TagbenchError, match="Did you mean 'synth_listening'"):
        joined_view([{"name": "synth_listenin"}])
