"""Measuring the scattering view times tracks of each length."""

from __future__ import annotations

import pandas as pd
from typer.testing import CliRunner

from benchmark.speed.__main__ import app
from benchmark.speed.views import scattering


def test_every_length_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(scattering, "LENGTHS", (0.5, 1.0))
    done = CliRunner().invoke(app, ["scattering", "--repeats", "1", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "scattering.csv")
    assert table["track_s"].tolist() == [0.5, 1.0]
    assert table["rows"].tolist() == [2, 3]
    assert (table["times_real_time"] > 0).all()
