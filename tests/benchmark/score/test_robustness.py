from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from benchmark.perturbations import Condition
from benchmark.score import robustness, significance
from benchmark.score.bootstrap import interval
from benchmark.score.tables.build import build_tables
from tests.support.scored import simulated


def constant(*values):
    """Statistics without spread: (M, severities, 1 + B) from a list of curves."""
    return np.repeat(np.array(values, dtype=float)[..., None], 4, axis=-1)


def heard(family, perturbation, severity, protocol="suite"):
    return Condition(perturbation, family, severity, float(severity), "", protocol)


def test_families_average_directions_before_severities():
    conditions = [
        heard("clean", "clean", 0),
        heard("pitch_shift", "pitch_up", 1),
        heard("pitch_shift", "pitch_down", 1),
        heard("pitch_shift", "pitch_up", 5),  # one direction only
        heard("pitch_shift", "won2020_pitch_shift", 1, "won2020"),
    ]
    pitch, won = robustness.families(conditions)
    assert (pitch.label, pitch.steps, pitch.severities) == ("pitch_shift", (1, 5), ((1, 2), (3,)))
    assert won.label == "won2020_pitch_shift"
    samples = constant([0.9, 0.8, 0.6, 0.3, 0.0])
    np.testing.assert_allclose(pitch.curve(samples)[0, :, 0], [0.7, 0.3])
    np.testing.assert_allclose(pitch.mean(samples), 0.5)


def test_corruption_errors_by_hand():
    noise, pitch = constant([0.9, 0.7], [0.8, 0.6]), constant([1.0, 0.9], [0.9, 0.8])
    errors = robustness.corruption_errors([noise, pitch], baseline=0)[..., 0]
    np.testing.assert_allclose(errors, [[1, 0.6 / 0.4], [1, 0.3 / 0.1]])
    perfect = robustness.corruption_errors([constant([1.0, 1.0], [0.9, 0.9])], baseline=0)
    assert np.isnan(perfect).all()  # nothing to divide by


def spread(value, error):
    """A statistic with a bootstrap standard error of about ``error``."""
    return np.array([value, *(value + error * np.random.RandomState(0).randn(400))])


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ((0.001, 0.001), (0.4 / 0.1 + 0.1 / 0.2) / 2),  # both clear: mean of ratios
        ((0.1, 0.001), (0.4 + 0.1) / (0.1 + 0.2)),  # first not, but the pool is: ratio of sums
        ((0.1, 0.1), np.nan),  # neither
    ],
)
def test_relative_mce_is_guarded(errors, expected):
    steady = [spread(0.4, 0.001), spread(0.1, 0.001)]
    # The pool of both is clear when the sum's spread is small: let one undo half of the other.
    base = [spread(0.1, errors[0]), spread(0.2, errors[1])]
    if errors == (0.1, 0.001):
        base[1] = np.array([0.2, *(0.3 - base[0][1:])]) + np.r_[0, 0.001 * np.arange(400) / 400]
    drops = [np.stack([b, s])[:, None, :] for b, s in zip(base, steady, strict=True)]
    found = robustness.relative_mce(drops, baseline=0)
    np.testing.assert_allclose(found[1, 0], expected, atol=1e-12)


def test_retention_and_area_by_hand():
    clean = constant([0.9], [0.5])[:, 0]
    kept = robustness.retention(constant([0.8, 0.7], [0.5, 0.5]), clean, chance=0.5)
    np.testing.assert_allclose(kept[0, :, 0], [0.75, 0.5])
    assert np.isnan(kept[1]).all()  # no skill to keep
    area = robustness.area_under_curve(kept[:1], steps=(1, 5))
    np.testing.assert_allclose(area, ((1 + 0.75) / 2 + 4 * (0.75 + 0.5) / 2) / 5)
    unaffected = robustness.area_under_curve(np.ones((2, 5, 3)), steps=(1, 2, 3, 4, 5))
    np.testing.assert_allclose(unaffected, 1.0)


def test_critical_severity_by_hand():
    drop = constant([0.01, 0.03, 0.01], [0.0, 0.0, 0.0], [0.04, 0.0, 0.1], [np.nan, 0.1, 0.2])
    found = robustness.critical_severity(drop, steps=(1, 3, 5))[:, 0]
    np.testing.assert_allclose(found, [2.0, np.inf, 0.5, np.nan])


def test_tie_groups_by_hand():
    rng = np.random.RandomState(0)
    common = 0.05 * rng.randn(300)  # shared by all: pairs differ far less than scores do
    noise = rng.randn(4, 300)

    def model(score, own, at):
        return np.array([score, *(score + common + own * noise[at])])

    samples = np.stack(
        [model(0.80, 0.001, 0), model(0.90, 0.001, 1), model(0.899, 0.002, 2), np.full(301, np.nan)]
    )
    assert significance.tie_groups(samples, interval)[:3].tolist() == [2, 1, 1]
    assert np.isnan(significance.tie_groups(samples, interval)[3])
    assert np.isnan(significance.tie_groups(samples[:, :1], interval)).all()


def test_chance_of_beating_by_hand():
    samples = np.array([[9, 1, 2, 3, 4.0], [9, 1, 1, 4, 3], [9, np.nan, np.nan, np.nan, np.nan]])
    found = significance.chance_of_beating(samples)
    assert found[0, 1] == pytest.approx((0.5 + 1 + 0 + 1) / 4)
    assert found[0, 1] + found[1, 0] == 1
    assert found[0, 0] == 0.5
    assert np.isnan(found[2]).all()


def test_kendall_tau_equals_scipy_with_ties():
    rng = np.random.RandomState(0)
    first, second = (
        rng.randint(0, 4, (6, 20)).astype(float),
        rng.randint(0, 4, (6, 20)).astype(float),
    )
    found = significance.kendall_tau(first, second)
    for b in range(20):
        assert found[b] == pytest.approx(kendalltau(first[:, b], second[:, b]).statistic, abs=1e-12)
    np.testing.assert_array_equal(significance.kendall_tau(first, first), 1.0)
    assert np.isnan(significance.kendall_tau(np.ones((3, 2)), np.ones((3, 2)))).all()


def test_noise_ceiling_is_one_without_noise():
    scores = np.array([0.9, 0.8, 0.7])[:, None]
    assert significance.noise_ceiling(np.repeat(scores, 50, axis=1)) == 1.0
    noisy = scores + 0.1 * np.random.RandomState(0).randn(3, 500)
    noisy[:, 0] = scores[:, 0]
    assert 0.3 < significance.noise_ceiling(noisy) < 0.8


def test_p_values_and_holm_by_hand():
    samples = np.array([[0.1, *([0.1] * 99)], [0.1, *([-0.1] * 9), *([0.2] * 90)]])
    np.testing.assert_allclose(significance.p_value(samples), [0.01, 0.1])
    raw = np.array([[0.01, 0.04], [0.03, np.nan]])
    np.testing.assert_allclose(significance.holm(raw), [[0.03, 0.06], [0.06, np.nan]])
    assert significance.holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]


def test_the_leaderboard_carries_them(tmp_path):
    board = build_tables(simulated(tmp_path), n_boot=100).leaderboard.set_index("model")
    assert board["tie_group"].tolist() == [1, 2, 3]
    assert 0 < board.loc["fcn", "audc"] < 1
    assert board.loc["fcn", "audc_low"] < board.loc["fcn", "audc"] < board.loc["fcn", "audc_high"]
    assert np.isnan(board.loc["tag_prior", "audc"])  # no skill to lose
    assert board.loc["tag_prior", "worst_drop"] == 0
    drops = ["pitch_shift_drop", "white_noise_drop"]
    assert board.loc["fcn", "worst_drop"] >= board.loc["fcn", drops].max()
