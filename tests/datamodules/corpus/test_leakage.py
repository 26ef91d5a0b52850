"""Groups of tracks that the splits of a corpus share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from datamodules.corpus.leakage import group_overlap


def test_groups_count_what_splits_share():
    rows = [
        ("train", "a", "x"), ("train", "a", "x"), ("train", "b", ""), ("valid", "b", ""),
        ("valid", "c", ""), ("test", "a", "y"), ("test", "d", "y"), ("test", "", ""),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["split", "artist", "album"]).assign(song="")
    table = group_overlap(frame).set_index("group")
    artist = table.loc["artist"]
    assert artist[["clips_known", "groups", "train", "valid", "test"]].tolist() == [7, 4, 2, 2, 2]
    assert artist[["train_valid", "train_test", "valid_test"]].tolist() == [1, 1, 0]
    assert artist[["train_shared", "valid_shared", "test_shared"]].tolist() == [2, 1, 1]
    assert artist["test_clips_seen"] == 0.5
    assert table.loc["album", ["groups", "test_shared", "test_clips_seen"]].tolist() == [2, 0, 0]
    assert table.loc["song", "groups"] == 0
    assert np.isnan(table.loc["song", "test_clips_seen"])
