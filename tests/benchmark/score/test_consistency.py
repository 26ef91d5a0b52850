"""Robustness without labels, against oracles and by hand."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.special import logit
from scipy.stats import spearmanr

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.importer import import_checkpoint
from benchmark.perturbations import perturb, resolve
from benchmark.predict.inference import predict_windows
from benchmark.report import terminal
from benchmark.report.html import write_report
from benchmark.score import consistency, metrics
from benchmark.score.bootstrap import draw_weights
from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import CellFailure, load_predictions
from datamodules.audio.decode import decode
from tests.support.report_page import page_of
from tests.support.scored import evaluation, simulated


def test_measures_by_hand():
    clean = np.array([[0.9, 0.6, 0.4, 0.3, 0.2, 0.1], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]])
    other = np.array([[0.9, 0.4, 0.6, 0.3, 0.1, 0.2], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]])
    found = consistency.track_consistency(clean, other, single=False)
    assert consistency.names(6) == ("mean_abs_dlogit", "spearman", "top5_overlap", "flip_rate")
    moved = 2 * abs(logit(0.6) - logit(0.4)) + 2 * abs(logit(0.2) - logit(0.1))
    np.testing.assert_allclose(found[0], [moved / 6, 1 - 6 * 4 / (6 * 35), 0.8, 2 / 6])
    np.testing.assert_allclose(found[1], [0, np.nan, 1, 0])
    single = consistency.track_consistency(clean[:, :3], clean[:, [1, 0, 2]], single=True)
    assert consistency.names(3) == ("mean_abs_dlogit", "spearman", "flip_rate")
    assert single[:, -1].tolist() == [1, 0]


def test_spearman_equals_scipy_with_ties():
    rng = np.random.RandomState(0)
    one, other = rng.randint(0, 6, (30, 9)), rng.randint(0, 6, (30, 9))
    found = consistency.spearman(one, other)
    expected = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_log_odds_of_certainty_are_finite():
    found = consistency.log_odds(np.array([0, 1e-9, 0.5, 1], dtype=np.float32))
    np.testing.assert_allclose(found, [logit(1e-6), logit(1e-6), 0, -logit(1e-6)], atol=1e-9)


def test_weighted_means_leave_out_what_is_missing():
    rng = np.random.RandomState(0)
    values = rng.randn(40, 3)
    values[5:9, 1] = np.nan
    weights = draw_weights(np.arange(40).astype(str), 70, "x")
    found = weights.trim(metrics.weighted_mean(values, weights.packed))
    rows = weights.packed.transpose(0, 2, 1).reshape(-1, 40)[:71].astype(float)
    for r in (0, 1, 70):
        for q in range(3):
            known = ~np.isnan(values[:, q])
            expected = np.average(values[known, q], weights=rows[r, known])
            assert found[q, r] == pytest.approx(expected, abs=1e-12)


def test_the_table(tmp_path):
    cells = simulated(tmp_path, ["fcn", "tag_prior"], c=7)
    frame = build_tables(cells, n_boot=100).consistency
    assert len(frame) == 2 * 6 * 4
    rows = frame.set_index(["model", "perturbation", "severity", "metric"])
    clean, here = (
        load_predictions(one.predictions).scores
        for one in cells
        if one.model == "fcn"
        and (one.condition.perturbation, one.condition.severity)
        in (("clean", 0), ("white_noise", 3))
    )
    row = rows.loc["fcn", "white_noise", 3, "mean_abs_dlogit"]
    expected = np.abs(logit(here.astype(float)) - logit(clean.astype(float))).mean()
    assert row["value"] == pytest.approx(expected, abs=1e-6)
    assert row["low"] < row["value"] < row["high"]
    assert row["n_tracks"] == 90
    still = frame.query("model == 'tag_prior'")
    assert still.query("metric in ('mean_abs_dlogit', 'flip_rate')")["value"].eq(0).all()
    assert still.query("metric in ('spearman', 'top5_overlap')")["value"].eq(1).all()
    mild, strong = (rows.loc["fcn", "white_noise", s, "spearman"]["value"] for s in (1, 3))
    assert strong < mild < 1


def test_without_labels_it_is_all_that_there_is(tmp_path):
    rng = np.random.RandomState(0)
    nothing = np.zeros((20, 6), dtype=int)
    clean = rng.rand(20, 6)
    cells = [
        evaluation(tmp_path, clean, nothing),
        evaluation(tmp_path, clean**1.1, nothing, perturbation="white_noise", severity=3),
    ]
    for task in ("multilabel", "singlelabel"):
        labelled = [type(one)(**{**one.__dict__, "task": task}) for one in cells]
        tables = build_tables(labelled, n_boot=50)
        assert tables.leaderboard["rank"].isna().all()
        assert tables.leaderboard["n_valid_tags"].tolist() == [0]
        assert tables.robustness["value"].isna().all()
        assert tables.consistency["value"].notna().all()
        assert tables.comparisons.empty
        assert tables.ranks.empty


def test_it_needs_a_clean_evaluation(tmp_path):
    cells = [one for one in simulated(tmp_path, ["fcn"]) if one.condition.severity]
    assert build_tables(cells, n_boot=5).consistency.empty


def printed(frame, width=100):
    out = io.StringIO()
    Console(file=out, width=width).print(terminal.render_consistency(frame, "mine"))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    return lines


def family_mean(frame, model, family, metric):
    rows = frame.query("model == @model and family == @family and metric == @metric")
    return rows.groupby("severity")["value"].mean().mean()


def test_the_terminal_shows_the_families_of_several_models(tmp_path):
    frame = build_tables(simulated(tmp_path), n_boot=5).consistency
    *_, heads, first, second = printed(frame)
    family, *models = heads.split()
    assert (family, models) == ("family", ["fcn", "musicnn", "tag_prior"])
    for line, family in ((first, "pitch_shift"), (second, "white_noise")):
        values = [family_mean(frame, model, family, "mean_abs_dlogit") for model in models]
        assert line.split()[2:] == [f"{value:.3f}" for value in values]


def test_the_terminal_shows_all_measures_of_one_model(tmp_path):
    frame = build_tables(simulated(tmp_path, ["fcn"], c=7), n_boot=5).consistency
    lines = printed(frame)
    assert "fcn against itself" in lines[0]
    values = [family_mean(frame, "fcn", "white_noise", m) for m in consistency.names(7)]
    assert lines[-1].split() == ["white", "noise", *(f"{value:.3f}" for value in values)]


def test_the_terminal_holds_a_dozen_models(tmp_path):
    frame = build_tables(simulated(tmp_path, ["fcn"], c=7), n_boot=5).consistency
    names = [f"short_chunk_cnn_{k}" for k in range(12)]
    wide = pd.concat([frame.assign(model=name) for name in names])
    lines = printed(wide)
    assert len(lines[-1].split()) == 2 + 12


@pytest.mark.parametrize("models", [("fcn",), ("fcn", "musicnn")])
def test_the_page_without_labels_is_about_consistency(tmp_path, models):
    rng = np.random.RandomState(0)
    nothing, cells = np.zeros((20, 7), dtype=int), []
    for model in models:
        clean = rng.rand(20, 7)
        cells.append(evaluation(tmp_path, clean, nothing, model=model))
        for severity in (1, 3):
            facts = {"model": model, "perturbation": "pitch_up", "severity": severity}
            cells.append(evaluation(tmp_path, clean ** (1 + severity / 10), nothing, **facts))
    other = {"protocol": "won2020", "family": "pitch_shift", "level": 0.5, "unit": "semitones"}
    worse = evaluation(
        tmp_path, clean**2, nothing, model=model, perturbation="won", severity=3, **other
    )
    tables = build_tables([*cells, worse], n_boot=20)
    page = write_report(tables, tmp_path, {"Data": {"train tracks": 0}}).read_text()
    body = page[page.index("<body>") : page.index('<h2 id="provenance">')]
    for word in ("ROC-AUC", "Leaderboard", "Rare", "All tags", "All conditions", "mCE", ">nan"):
        assert word not in body, body[body.index(word) - 200 :][:400]
    assert "no labels" in body
    for heading in ("Consistency", "Published tests"):
        assert f">{heading}" in body
    section = body[body.index('<h2 id="consistency">') :]
    rows = tables.consistency.query("model == 'fcn'")
    shown = rows if len(models) == 1 else rows.query("metric == 'mean_abs_dlogit'")
    for value in shown["value"]:
        assert f">{value:.3f}<" in section
    assert section.index("pitch up") < section.index("won")
    for file in tmp_path.glob("report/*.tex"):
        assert "tabular" not in file.read_text()
    names = {path.stem for path in (tmp_path / "report" / "figures").iterdir()}
    assert names == {"protocols"}


def test_the_page_with_labels_has_consistency_too(tmp_path):
    tables = build_tables(simulated(tmp_path, ["fcn", "musicnn"]), n_boot=20)
    page = page_of(tables, tmp_path)
    assert "Leaderboard" in page
    section = page[page.index('<h2 id="consistency">') :]
    for value in tables.consistency.query("metric == 'mean_abs_dlogit'")["value"]:
        assert f">{value:.3f}<" in section


def test_where_everything_failed_the_page_is_not_about_consistency(tmp_path):
    failure = CellFailure("synth", "fcn", 0, "clean", 0.0, "evaluate", "RuntimeError: x", "c0ffee")
    page = write_report(build_tables([], [failure]), tmp_path, {}).read_text()
    assert "RuntimeError: x" in page
    assert 'id="consistency"' not in page


CONTROLS = "control_gain:1,control_pitch_vocoder,control_pitch_engine"


@pytest.fixture(scope="module")
def moved(shared_data, tmp_path_factory):
    """Mean |change of log-odds| of the published FCN on real music, by condition."""
    weights = shared_data / "checkpoints" / "won2020_fcn_mtat.pth"
    folder = import_checkpoint(weights, "fcn", "mtat", tmp_path_factory.mktemp("fcn")).folder
    module, _ = load_checkpoint(folder)
    conditions = {c.label: c for c in resolve(f"pitch_up:1,won2020_dynamic_range:1,{CONTROLS}")}
    assert conditions["pitch_up:1"].level == 0.25
    clips = sorted((shared_data / "audio").glob("fma_*.mp3"))[:6]
    scores = {name: [] for name in ("clean", *conditions)}
    for clip in clips:
        audio = decode(clip, 16000, clip.name)[: module.input_samples]
        heard = {
            name: perturb(audio, 16000, condition, seed=0, track_id=clip.name)
            for name, condition in conditions.items()
        }
        for name, signal in {"clean": audio, **heard}.items():
            scores[name].append(predict_windows(module, signal, np.array([0])).mean(0))
    clean = np.stack(scores.pop("clean"))
    return {
        name: consistency.track_consistency(clean, np.stack(found), single=False).mean(axis=0)
        for name, found in scores.items()
    }


def test_a_vocoders_artefacts_move_a_tagger_more_than_its_pitch(moved):
    librosa, ours = moved["control_pitch_vocoder:1"], moved["pitch_up:1"]
    assert librosa[0] > 2 * ours[0] > 0
    assert librosa[1] < ours[1] < 1  # Spearman
    assert moved["control_pitch_engine:1"][0] < ours[0]


def test_published_compression_moves_a_tagger_as_its_gain_alone(moved):
    share = moved["won2020_dynamic_range:1"][0] / moved["control_gain:1"][0]
    assert 0.6 < share < 1.6
    assert moved["control_gain:1"][0] > 2 * moved["pitch_up:1"][0]
