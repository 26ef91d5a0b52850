"""The measurement of a sweep runs the real one, and its table adds up."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmark.perturbations import resolve
from benchmark.speed.evaluation import Matrix, _length, measure, write
from tests.support import music


def test_a_sweep_is_measured_beside_its_parts(tmp_path: Path) -> None:
    matrix = Matrix(
        ("musicnn", "tag_prior"), "folder", "time_faster:3", "smoke", 1, tmp_path / "data",
        {"data": str(music.folder(tmp_path / "music"))},
    )  # fmt: skip
    said: list[str] = []
    rows, about = measure(matrix, said.append)
    write(rows, about, tmp_path / "out")
    frame = pd.read_csv(tmp_path / "out" / "sweep.csv").set_index("what")
    assert list(frame.index) == [
        "perturbing once", "forward passes, musicnn", "forward passes, tag_prior",
        "sum of the parts", "sum, perturbing per model", "sweep",
    ]  # fmt: skip
    assert (frame["seconds"] > 0).all()
    parts = frame["seconds"].iloc[:3].sum()
    assert frame.loc["sum of the parts", "seconds"] == pytest.approx(parts, rel=1e-4)
    assert frame.loc["perturbing once", "to_perturbing"] == 1.0
    assert frame.loc["sum of the parts", "to_sum"] == 1.0
    each = parts + frame.loc["perturbing once", "seconds"]  # a second time, for the second model
    ratio = frame.loc["sweep", "seconds"] / each
    assert frame.loc["sweep", "to_per_model"] == pytest.approx(ratio, rel=1e-4)
    ratio = frame.loc["sweep", "seconds"] / parts
    assert frame.loc["sweep", "to_sum"] == pytest.approx(ratio, rel=1e-4)
    assert "2 conditions (clean and time_faster:3)" in about
    assert about in (tmp_path / "out" / "sweep.md").read_text(encoding="utf-8")
    assert len(said) == 3


def test_lengths_follow_every_link_of_a_chain() -> None:
    (chain,) = resolve("time_slower:5>time_faster:5")
    (slower,) = resolve("time_slower:5")
    assert _length(slower, 10_000) == round(10_000 / slower.level)
    assert _length(chain, 10_000) == pytest.approx(10_000, abs=1)
