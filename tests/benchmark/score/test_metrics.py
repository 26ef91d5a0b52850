from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from benchmark.score import metrics
from benchmark.score.metrics.class_metrics import TOP

TIGHT = {"rtol": 0, "atol": 1e-12}


def case(seed, n=60, c=4, levels=7, top_weight=4):
    """Scores on few levels, so that ties abound, with targets and random whole weights."""
    rng = np.random.RandomState(seed)
    scores = (rng.randint(0, levels, (n, c)) / levels).astype(np.float32)
    targets = (rng.rand(n, c) < rng.uniform(0.05, 0.9, c)).astype(np.uint8)
    targets[0], targets[1] = 1, 0
    weights = rng.randint(0, top_weight, (3, n)).astype(np.uint8)
    weights[0], weights[:, :2] = 1, np.maximum(weights[:, :2], 1)
    return scores, targets, weights


def sk_trapezoid(target, score, weight):
    precision, recall, _ = sk.precision_recall_curve(target, score, sample_weight=weight)
    return sk.auc(recall, precision)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(seed=st.integers(0, 2**31), levels=st.sampled_from([1, 2, 5, 1000]), n=st.integers(2, 80))
def test_ranking_equals_scikit_learn_with_ties_and_weights(seed, levels, n):
    scores, targets, weights = case(seed, n=n, levels=levels)
    found = metrics.ranking_scores(scores, targets, metrics.pack_weights(weights))
    for r, weight in enumerate(weights.astype(float)):
        for c in range(scores.shape[1]):
            y, s = targets[:, c], scores[:, c]
            expected = [
                sk.roc_auc_score(y, s, sample_weight=weight),
                sk.average_precision_score(y, s, sample_weight=weight),
                sk_trapezoid(y, s, weight),
            ]
            np.testing.assert_allclose(found[:, c, r], expected, **TIGHT)


@settings(deadline=None, max_examples=25, derandomize=True)
@given(seed=st.integers(0, 2**31), share=st.sampled_from([0.0, 0.3, 1.0]))
def test_decisions_equal_scikit_learn_with_weights(seed, share):
    _, targets, weights = case(seed)
    predicted = np.random.RandomState(seed).rand(*targets.shape) < share
    found = metrics.decision_scores(predicted, targets, metrics.pack_weights(weights))
    f1, mcc, precision, recall = found
    for r, weight in enumerate(weights.astype(float)):
        for c in range(targets.shape[1]):
            y, p = targets[:, c], predicted[:, c]
            assert f1[c, r] == pytest.approx(
                sk.f1_score(y, p, sample_weight=weight, zero_division=0), abs=1e-12
            )
            assert mcc[c, r] == pytest.approx(
                sk.matthews_corrcoef(y, p, sample_weight=weight), abs=1e-12
            )
            expected = sk.precision_recall_fscore_support(
                y, p, average="binary", sample_weight=weight, zero_division=np.nan
            )
            assert precision[c, r] == pytest.approx(expected[0], abs=1e-12, nan_ok=True)
            assert recall[c, r] == pytest.approx(expected[1], abs=1e-12)


def equal_weights(n_tracks: int) -> np.ndarray:
    return metrics.pack_weights(np.ones((1, n_tracks), dtype=np.uint8))


def test_values_by_hand():
    # Downwards: positive, negative and positive tied, negative, positive.
    scores = np.array([[0.9], [0.5], [0.5], [0.3], [0.1]], dtype=np.float32)
    targets = np.array([[1], [0], [1], [0], [1]], dtype=np.uint8)
    roc, average, area = metrics.ranking_scores(scores, targets, equal_weights(5))[:, 0, 0]
    assert roc == pytest.approx((2 + 1.5 + 0) / 6)  # pairs won per positive, a tie counts half
    assert average == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3)
    assert area == pytest.approx(((1 + 1) / 2 + (1 + 2 / 3) / 2 + (2 / 4 + 3 / 5) / 2) / 3)


def test_a_weight_equals_repeating_the_track():
    scores, targets, weights = case(3, levels=9)
    found = metrics.ranking_scores(scores, targets, metrics.pack_weights(weights))
    rows = np.repeat(np.arange(len(scores)), weights[2])
    again = metrics.ranking_scores(scores[rows], targets[rows], equal_weights(len(rows)))
    np.testing.assert_allclose(found[:, :, 2], again[:, :, 0], **TIGHT)


def test_tags_of_one_class_are_undefined_not_zero():
    scores = np.random.RandomState(0).rand(6, 3).astype(np.float32)
    targets = np.array([[0, 1, 0]] * 5 + [[0, 1, 1]], dtype=np.uint8)
    assert metrics.valid_tags(targets).tolist() == [False, False, True]
    packed = equal_weights(6)
    assert np.isnan(metrics.ranking_scores(scores, targets, packed)[:, :2, 0]).all()
    predicted = metrics.decide_multilabel(scores, targets)
    for score in metrics.decision_scores(predicted, targets, packed):
        assert np.isnan(score[:2, 0]).all()
        assert np.isfinite(score[2, 0])
    # A replicate that drew no positive of the last tag leaves it undefined as well.
    weights = np.ones((2, 6), dtype=np.uint8)
    weights[1, 5] = 0
    found = metrics.ranking_scores(scores, targets, metrics.pack_weights(weights))
    assert np.isfinite(found[:, 2, 0]).all()
    assert np.isnan(found[:, 2, 1]).all()


def test_prevalence_matched_rule_balances_precision_and_recall():
    rng = np.random.RandomState(1)
    scores = rng.rand(50, 3).astype(np.float32)
    targets = (rng.rand(50, 3) < 0.3).astype(np.uint8)
    predicted = metrics.decide_multilabel(scores, targets)
    assert (predicted.sum(axis=0) == targets.sum(axis=0)).all()
    for c in range(3):
        hit = (predicted[:, c] & (targets[:, c] == 1)).sum()
        f1 = metrics.decision_scores(predicted, targets, equal_weights(50))[0][c, 0]
        assert f1 == pytest.approx(hit / targets[:, c].sum())


def test_prevalence_matched_rule_takes_all_of_a_tie_and_nothing_without_positives():
    scores = np.array([[0.9, 0.1], [0.5, 0.2], [0.5, 0.3], [0.1, 0.4]], dtype=np.float32)
    targets = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], dtype=np.uint8)
    predicted = metrics.decide_multilabel(scores, targets)
    assert predicted[:, 0].tolist() == [True, True, True, False]
    assert not predicted[:, 1].any()


def test_top_k_accuracy_of_tied_scores_is_never_below_accuracy():
    targets = np.eye(4, dtype=np.uint8)[[0, 0, 1, 1, 2, 2, 3, 3, 3, 3]]
    sample = metrics.Sample(
        np.full(targets.shape, 0.25, np.float32), targets, equal_weights(len(targets)), single=True
    )
    names = ("accuracy", "top2_accuracy", "top3_accuracy")
    found = [float(metrics.all_metrics()[name].compute(sample)[0]) for name in names]
    assert found == pytest.approx([0.4, 0.6, 0.8])


@pytest.mark.parametrize("levels", [3, 1000])
def test_single_label_decisions_equal_scikit_learn(levels):
    rng = np.random.RandomState(levels)
    truth = rng.randint(0, 5, 80)
    scores = (rng.randint(0, levels, (80, 5)) / levels).astype(np.float32)
    targets = np.eye(5, dtype=np.uint8)[truth]
    weight = rng.randint(0, 4, (1, 80)).astype(np.uint8)
    packed = metrics.pack_weights(weight)
    predicted = metrics.decide_singlelabel(scores)
    right = (predicted & (targets == 1)).any(axis=1)
    near = [(metrics.top_k(scores, k) & (targets == 1)).any(axis=1) for k in TOP]
    shares = metrics.share_of(np.stack([right, *near], axis=1), packed)[:, 0]
    guess = 4 - scores[:, ::-1].argmax(axis=1)  # ties go to the later class
    assert shares[0] == pytest.approx(
        sk.accuracy_score(truth, guess, sample_weight=weight[0]), abs=1e-12
    )
    for k, share in zip(TOP[:2], shares[1:3], strict=True):
        assert share == pytest.approx(
            sk.top_k_accuracy_score(truth, scores, k=k, sample_weight=weight[0]), abs=1e-12
        )
    assert shares[3] == 1  # five of five classes
    f1 = metrics.nan_mean(metrics.decision_scores(predicted, targets, packed)[0], axis=0)[0]
    assert f1 == pytest.approx(
        sk.f1_score(truth, guess, average="macro", sample_weight=weight[0]), abs=1e-12
    )


def test_every_replicate_meets_its_own_weights():
    scores, targets, _ = case(5)
    weights = np.random.RandomState(5).randint(1, 4, (150, len(scores))).astype(np.uint8)
    packed = metrics.pack_weights(weights)
    assert packed.shape == (3, len(scores), metrics.LANES)
    found = metrics.ranking_scores(scores, targets, packed)
    for r in (0, 63, 64, 149):
        expected = sk.roc_auc_score(
            targets, scores, sample_weight=weights[r].astype(float), average="macro"
        )
        assert found[0, :, r].mean() == pytest.approx(expected, abs=1e-12)
    assert np.isnan(found[:, :, 150:]).all()  # padding


def test_inputs_are_left_alone():
    scores, targets, weights = case(7)
    copies = scores.copy(), targets.copy()
    metrics.ranking_scores(scores, targets, metrics.pack_weights(weights))
    np.testing.assert_array_equal(scores, copies[0])
    np.testing.assert_array_equal(targets, copies[1])


def test_nan_mean_leaves_out_what_is_undefined():
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(metrics.nan_mean(values, axis=1), [2.0, np.nan])
