"""Measuring augmentation times every chain, transform and family on crops of each length."""

from __future__ import annotations

import pandas as pd
from typer.testing import CliRunner

from benchmark.augmentations import transforms
from benchmark.speed import augment
from benchmark.speed.__main__ import app


def test_every_augmentation_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(augment, "CROPS", ((16000, 0.5),))
    done = CliRunner().invoke(app, ["augment", "--repeats", "2", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "augment.csv")
    assert {"clmr", "mtt", "family:time_stretch", *transforms()} <= set(table["what"])
    assert table["what"].is_unique
    assert (table[["ms_mean", "ms_median"]] > 0).all(axis=None)
    assert set(table["rate_hz"]) == {16000}


def test_named_augmentations_are_measured(monkeypatch):
    monkeypatch.setattr(augment, "CROPS", ((16000, 0.5), (16000, 0.25)))
    rows = augment.measure(["clmr", "family:gain"], 1, lambda line: None)
    assert [(row.what, row.crop_s) for row in rows] == [
        (name, seconds) for seconds in (0.5, 0.25) for name in ("clmr", "family:gain")
    ]
