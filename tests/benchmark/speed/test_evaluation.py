"""Measuring a sweep evaluates its cells, and the table compares the times with known ones."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from benchmark.perturbations import resolve
from benchmark.speed import evaluation
from benchmark.speed.evaluation import Matrix, measure, write
from benchmark.speed.evaluation_parts import output_length
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
    assert "2 conditions (clean and time_faster:3)" in about
    assert about in (tmp_path / "out" / "sweep.md").read_text(encoding="utf-8")
    assert len(said) == 3


def test_times_are_compared_with_the_sums_of_their_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    known = SimpleNamespace(
        parts=lambda: [("perturbing once", 4.0), ("forward passes, a", 3.0), ("b", 1.0)],
        whole=lambda: 6.0,
        about="",
    )
    monkeypatch.setattr(evaluation, "prepared", lambda matrix: nullcontext(known))
    rows, _ = measure(Matrix(("a", "b")), lambda line: None)
    seconds = {row.what: row.seconds for row in rows}
    assert seconds["sum of the parts"] == 8.0
    assert seconds["sum, perturbing per model"] == 12.0  # two models, so perturbing counts twice
    sweep = rows[-1]
    assert (sweep.what, sweep.seconds) == ("sweep", 6.0)
    assert (sweep.to_perturbing, sweep.to_sum, sweep.to_per_model) == (1.5, 0.75, 0.5)


def test_lengths_follow_every_link_of_a_chain() -> None:
    (chain,) = resolve("time_slower:5>time_faster:5")
    (slower,) = resolve("time_slower:5")
    assert output_length(slower, 10_000) == round(10_000 / slower.level)
    assert output_length(chain, 10_000) == pytest.approx(10_000, abs=1)
