from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import norm

from benchmark.score import metrics
from benchmark.score.bootstrap import draw_weights, interval, rank_interval, ranks, seed_shares
from datamodules.common.errors import TagbenchError


def unpacked(weights):
    rows = weights.packed.transpose(0, 2, 1).reshape(-1, weights.packed.shape[1])
    return rows[: weights.n_boot + 1].astype(int)


def test_the_first_weighting_is_the_sample_itself():
    rows = unpacked(draw_weights(np.array(["a", "b", "c"]), 70, "synth", 0))
    assert rows.shape == (71, 3)
    assert (rows[0] == 1).all()
    assert (rows[1:].sum(axis=1) == 3).all()


def test_clusters_are_drawn_whole():
    clusters = np.array(["x", "y", "x", "z", "y", "x"])
    rows = unpacked(draw_weights(clusters, 200, "synth", 0))[1:]
    assert (rows[:, 0] == rows[:, 2]).all()
    assert (rows[:, 0] == rows[:, 5]).all()
    assert (rows[:, 1] == rows[:, 4]).all()
    assert (rows[:, [0, 1, 3]].sum(axis=1) == 3).all()
    # Multinomial with equal chances: mean 1, variance 1 - 1/3.
    assert rows[:, 3].mean() == pytest.approx(1.0, abs=0.15)
    assert rows[:, 3].var() == pytest.approx(2 / 3, abs=0.2)


def test_draws_depend_on_the_key_alone():
    clusters = np.array([f"t{i}" for i in range(40)])
    first, again = draw_weights(clusters, 9, "synth", 0), draw_weights(clusters, 9, "synth", 0)
    np.testing.assert_array_equal(first.packed, again.packed)
    for other in (draw_weights(clusters, 9, "synth", 1), draw_weights(clusters, 9, "mtat", 0)):
        assert (other.packed != first.packed).any()
    # The rows of a file may come in any order: a track keeps its weight.
    order = np.random.RandomState(0).permutation(40)
    shuffled = draw_weights(clusters[order], 9, "synth", 0)
    np.testing.assert_array_equal(shuffled.packed, first.packed[:, order])


def test_more_replicates_extend_the_same_draws():
    clusters = np.array([f"t{i}" for i in range(30)])
    few, many = (unpacked(draw_weights(clusters, n, "synth", 0)) for n in (5, 80))
    np.testing.assert_array_equal(few, many[:6])


def test_a_weight_that_does_not_fit_is_an_error(monkeypatch):
    class Stuck:
        def randint(self, low, high, size):
            return np.zeros(size, dtype=int)

    monkeypatch.setattr("benchmark.score.bootstrap.rng_for", lambda *key: Stuck())
    with pytest.raises(TagbenchError, match="255"):
        draw_weights(np.array([f"t{i}" for i in range(300)]), 1, "synth", 0)


def test_interval_equals_nanpercentile():
    samples = np.random.RandomState(0).randn(3, 4, 101)
    samples[0, 1, 5:30] = np.nan
    samples[1, 1, 1:] = np.nan
    samples[2, 2, 0] = np.nan
    low, high = interval(samples)
    for at in np.ndindex(3, 4):
        if at in ((1, 1), (2, 2)):
            assert np.isnan(low[at])
            assert np.isnan(high[at])
        else:
            expected = np.nanpercentile(samples[at][1:], [2.5, 97.5])
            np.testing.assert_allclose([low[at], high[at]], expected, rtol=0, atol=1e-12)


def test_no_replicates_no_interval():
    low, high = interval(np.zeros((2, 1)))
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_ranks_by_hand():
    scores = np.array([[0.8, 0.7], [0.9, 0.7], [0.8, 0.9], [np.nan, np.nan]])
    np.testing.assert_array_equal(ranks(scores), [[2, 2], [1, 2], [2, 1], [np.nan, np.nan]])


def test_rank_interval_holds_the_ranks_a_model_takes():
    draws = np.zeros((3, 101))
    draws[0] = 0.9
    draws[1] = 0.5
    draws[2] = 0.4
    draws[2, 1:21] = 0.6  # overtakes the second in one replicate of five
    draws[2, 1] = 1.0  # and the first in one of a hundred, which 95 % leave out
    rank, low, high = rank_interval(draws)
    assert rank.tolist() == [1, 2, 3]
    assert low.tolist() == [1, 2, 2]
    assert high.tolist() == [1, 3, 3]


def test_rank_interval_of_a_missing_model_is_missing():
    draws = np.array([[0.5, 0.6, 0.7], [np.nan] * 3])
    rank, low, high = rank_interval(draws)
    np.testing.assert_array_equal(rank, [1, np.nan])
    np.testing.assert_array_equal(low, [1, np.nan])
    np.testing.assert_array_equal(high, [1, np.nan])


def test_seed_shares():
    assert (seed_shares(1, 5, "synth", 0) == 1).all()
    shares = seed_shares(3, 4000, "synth", 0)
    np.testing.assert_allclose(shares[:, 0], 1 / 3)
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    assert shares[0, 1:].mean() == pytest.approx(1 / 3, abs=0.01)
    values = np.array([0.1, 0.5, 0.9])
    spread = (values @ shares[:, 1:]).var()
    assert spread == pytest.approx(values.var(ddof=1) / 3, rel=0.05)


@pytest.mark.parametrize("n_seeds", [2, 5])
def test_intervals_hold_the_luck_of_training_and_the_choice_of_tracks(n_seeds):
    """Scores of many studies whose seeds and tracks both vary, against their own spread."""
    rng = np.random.RandomState(3)
    studies, n, luck, noise = 300, 60, 0.02, 0.2
    means, variances = np.empty(studies), np.empty(studies)
    for study in range(studies):
        seeds = luck * rng.randn(n_seeds, 1)
        tracks = 0.7 + seeds + noise * rng.randn(n)  # all seeds hear the same tracks
        packed = draw_weights(np.arange(n).astype(str), 200, "luck", study)
        weights = unpacked(packed)
        scores = tracks @ weights.T / n
        samples = (seed_shares(n_seeds, 200, "luck", study) * scores).sum(axis=0)
        means[study], variances[study] = samples[0], samples[1:].var(ddof=1)
    expected = luck**2 / n_seeds + noise**2 / n
    assert means.var() == pytest.approx(expected, rel=0.2)
    assert variances.mean() == pytest.approx(expected, rel=0.1)


def coverage(trials, clusters, distance, effect, n_boot=300, units=None):
    """Share of trials whose intervals hold the true ROC-AUC, and the true drop.

    Binormal scores: the clean score separates by ``distance``, the perturbed one by half of it;
    both share most of their noise. ``effect`` is the part of the noise that a cluster has in
    common; ``units`` is what the bootstrap draws if not the clusters.
    """
    rng = np.random.RandomState(7)
    names, member = np.unique(clusters, return_inverse=True)
    n, truth, hits = len(clusters), norm.cdf(distance / np.sqrt(2)), np.zeros(2)
    fall = truth - norm.cdf(distance / 2 / np.sqrt(2))
    for trial in range(trials):
        positive = (rng.rand(len(names)) < 0.5)[member]
        targets = positive[:, None].astype(np.uint8)
        shared = rng.randn(len(names))[member]
        noise = np.sqrt(effect) * shared + np.sqrt(1 - effect) * rng.randn(n)
        other = 0.9 * noise + np.sqrt(1 - 0.9**2) * rng.randn(n)
        weights = draw_weights(clusters if units is None else units, n_boot, "coverage", trial)
        clean, perturbed = (
            weights.trim(metrics.ranking_scores(scores[:, None], targets, weights.packed)[0, 0])
            for scores in (noise + distance * positive, other + distance / 2 * positive)
        )
        for at, (value, samples) in enumerate(((truth, clean), (fall, clean - perturbed))):
            low, high = interval(samples)
            hits[at] += low <= value <= high
    return hits / trials


def test_intervals_cover_the_truth():
    alone = np.array([f"t{i:03d}" for i in range(200)])
    score, drop = coverage(400, alone, distance=1.2, effect=0.0)
    assert 0.93 <= score <= 0.97
    assert 0.93 <= drop <= 0.97


@pytest.mark.slow
def test_intervals_cover_the_truth_with_many_trials():
    alone = np.array([f"t{i:03d}" for i in range(300)])
    score, drop = coverage(2000, alone, distance=1.2, effect=0.0)
    assert 0.935 <= score <= 0.965
    assert 0.935 <= drop <= 0.965


@pytest.mark.slow
def test_intervals_cover_only_when_dependent_tracks_are_drawn_together():
    songs = np.repeat([f"s{i:03d}" for i in range(150)], 4)
    score, _ = coverage(1000, songs, distance=1.2, effect=0.8)
    assert 0.93 <= score <= 0.97
    apart = np.arange(len(songs))
    score, _ = coverage(300, songs, distance=1.2, effect=0.8, units=apart)
    assert score < 0.8  # half the tracks' information is a repetition


@pytest.mark.slow
def test_speed_of_a_thousand_resamples():
    rng = np.random.RandomState(0)
    targets = (rng.rand(4332, 50) < 0.05).astype(np.uint8)
    scores = (rng.randn(4332, 50) + targets).astype(np.float32)
    weights = draw_weights(np.arange(4332).astype(str), 1000, "speed", 0)
    metrics.ranking_scores(scores[:, :1], targets[:, :1], weights.packed)  # compile
    start = time.perf_counter()
    metrics.ranking_scores(scores, targets, weights.packed)
    assert time.perf_counter() - start < 3.0
