"""What was heard of a condition is stored beside its predictions and tabulated without audio."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.perturbations import Condition, catalogue_entry
from benchmark.perturbations.measure.effect import Effect
from benchmark.predict.effect_sample import SAMPLE, sampled
from benchmark.score.tables.schema import TableInputs, all_tables
from benchmark.store.effects_file import EFFECTS, UNITS, ConditionEffects, read
from benchmark.store.files import write_arrays
from benchmark.store.predictions import Evaluation
from benchmark.store.tables import to_csv

EFFECTS_TABLE = all_tables()["effects"]


def effects_frame(cells: list[Evaluation]) -> pd.DataFrame:
    return EFFECTS_TABLE.frame(TableInputs(None, cells, (), "", 0, 0))


def evaluation(folder: Path, **changes: object) -> Evaluation:
    folder.mkdir(parents=True, exist_ok=True)
    one = Evaluation(
        cell_id=folder.name, dataset="folder", model="fcn", seed=0,
        condition=Condition("pitch_up", "pitch_shift", 3, 1.0, "semitones"),
        task="multilabel", predictions=folder / "predictions.npz",
    )  # fmt: skip
    names = {"cell_id", "dataset", "model", "seed", "predictions"}
    facts = {name: value for name, value in changes.items() if name in names}
    condition = {name: value for name, value in changes.items() if name not in names}
    return replace(one, condition=replace(one.condition, **condition), **facts)


def store(one: Evaluation, effects: list[Effect]) -> None:
    tracks = np.array([f"t{number}" for number in range(len(effects))])
    measured = ConditionEffects.of(tracks, effects)
    write_arrays(one.predictions.with_name(EFFECTS), **measured.arrays())


def effect(rms: float, cents: float = math.nan) -> Effect:
    return Effect(rms, math.nan, 0.0, 0.0, math.inf, cents, math.nan)


def test_the_sample_depends_on_ids_alone() -> None:
    ids = [f"track-{number}" for number in range(1000)]
    chosen = sampled(ids)
    assert chosen == sampled(ids[::-1])
    assert len(chosen) == SAMPLE.stop - 1 == 32
    assert len(sampled(ids[:400])) == 20
    assert len(sampled(ids[:100])) == SAMPLE.start == 8
    assert sampled(ids[:3]) == set(ids[:3])
    # Not the first ones, which may be of one artist: at random, 3 of the first 100 are expected.
    assert len(chosen & set(ids[:100])) < 10


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    one = evaluation(tmp_path / "a")
    store(one, [effect(-1.0, 99.5), effect(1 / 3)])
    measured = read(tmp_path / "a" / EFFECTS)
    assert measured is not None
    assert list(measured.track_ids) == ["t0", "t1"]
    assert measured.figures["rms_db"].tolist() == [-1.0, 0.333333]
    assert math.isnan(measured.figures["cents"][1])
    assert np.isinf(measured.figures["snr_db"]).all()
    first = (tmp_path / "a" / EFFECTS).read_bytes()
    store(one, [effect(-1.0, 99.5), effect(1 / 3)])
    assert (tmp_path / "a" / EFFECTS).read_bytes() == first


def test_a_row_says_what_was_asked_and_what_was_heard(tmp_path: Path) -> None:
    one = evaluation(tmp_path / "a")
    store(one, [effect(-0.01 * number, 90 + number if number < 21 else math.nan)
                for number in range(101)])  # fmt: skip
    frame = effects_frame([one])
    assert list(frame.columns) == list(EFFECTS_TABLE.fixed)
    assert list(frame["quantity"]) == list(UNITS)
    rows = frame.set_index("quantity")
    assert rows.loc["cents", "asked"] == 100.0
    assert rows.loc["cents", "n_clips"] == 21
    assert rows.loc["cents", "median"] == rows.loc["cents", "mean"] == 100.0
    assert (rows.loc["cents", "low"], rows.loc["cents", "high"]) == (91.0, 109.0)
    assert pd.isna(rows.loc["rms_db", "asked"])
    assert rows.loc["rms_db", "n_clips"] == 101
    assert rows.loc["rms_db", "low"] == pytest.approx(-0.95)
    # Of an exact copy there is no ratio, and of no clip no mean.
    assert rows.loc["snr_db", "n_clips"] == 0
    assert pd.isna(rows.loc["snr_db", "mean"])


@pytest.mark.parametrize(
    ("name", "level", "quantity", "asked"),
    [
        ("pitch_down", -0.25, "cents", -25.0), ("time_faster", 1.25, "tempo_ratio", 1.25),
        ("white_noise", 7.5, "snr_db", 7.5), ("gain", -12.0, "rms_db", -12.0),
    ],
)  # fmt: skip
def test_the_axis_says_what_was_requested(
    tmp_path: Path, name: str, level: float, quantity: str, asked: float
) -> None:
    one = evaluation(
        tmp_path / "a", perturbation=name, unit=catalogue_entry(name).unit, level=level
    )
    store(one, [effect(0.0)])
    stated = effects_frame([one]).dropna(subset="asked")
    assert list(stated["quantity"]) == [quantity]
    assert list(stated["asked"]) == [asked]


def test_one_cell_a_condition_is_tabulated_whatever_their_order(tmp_path: Path) -> None:
    cells = [
        evaluation(tmp_path / name, model=model, severity=severity, level=float(severity))
        for name, model, severity in (("c", "fcn", 1), ("a", "crnn", 1), ("b", "fcn", 2))
    ]
    for one in cells:
        store(one, [effect(-1.0)])
    (tmp_path / "a" / EFFECTS).unlink()  # done by an older version: another cell has it
    frame = effects_frame(cells)
    assert len(frame) == 2 * len(UNITS)
    assert to_csv(effects_frame(cells[::-1])) == to_csv(frame)


def test_results_without_effects_give_an_empty_table(tmp_path: Path) -> None:
    one = evaluation(tmp_path / "a")
    assert effects_frame([one]).empty
    (tmp_path / "a" / EFFECTS).write_bytes(b"cut short")
    assert effects_frame([one]).empty
    assert list(effects_frame([]).columns) == list(EFFECTS_TABLE.fixed)
