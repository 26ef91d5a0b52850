"""Every tensor form gives what its scikit-learn estimator gives."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from datamodules.common.seeding import rng_for
from lightning_modules.layers.fitted.gaussian import GaussianBayes, QuadraticDiscriminant
from lightning_modules.layers.fitted.linear import LinearDecision
from lightning_modules.layers.fitted.neighbours import NearestNeighbours
from lightning_modules.layers.fitted.perceptron import Perceptron
from lightning_modules.layers.fitted.support_vectors import SupportVectors
from lightning_modules.layers.fitted.trees import BoostedTrees, Trees

TOLERANCE = 1e-5
PROBABILISTIC: dict[str, tuple[Any, Any]] = {
    "logistic regression": (LogisticRegression(), LinearDecision),
    "neighbours": (KNeighborsClassifier(9), lambda **m: NearestNeighbours(9, **m)),
    "perceptron": (
        MLPClassifier((8, 5), max_iter=30, random_state=0),
        lambda **m: Perceptron(3, **m),
    ),
    "tree": (DecisionTreeClassifier(max_depth=5, random_state=0), Trees),
    "forest": (
        RandomForestClassifier(max_depth=5, n_estimators=10, max_features=1, random_state=0),
        Trees,
    ),
    "boosted trees": (AdaBoostClassifier(n_estimators=10, random_state=0), BoostedTrees),
    "naive Bayes": (GaussianNB(), GaussianBayes),
    "quadratic": (QuadraticDiscriminantAnalysis(), QuadraticDiscriminant),
    "shrunk quadratic": (
        QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.1),
        QuadraticDiscriminant,
    ),
}
DECISIONS: dict[str, tuple[Any, Any]] = {
    "rbf": (SVC(kernel="rbf"), lambda: SupportVectors("rbf")),
    "linear kernel": (SVC(kernel="linear"), lambda: SupportVectors("linear")),
    "polynomial": (SVC(kernel="poly", degree=1), lambda: SupportVectors("poly")),
    "linear": (LinearSVC(), LinearDecision),
}


@pytest.fixture(scope="module")
def rows() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return training rows (180, 6), test rows (300, 6) and scores (180, 4) of the former."""
    rng = rng_for("fitted layers")
    train, test = rng.randn(180, 6), 3 * rng.randn(300, 6)
    return train, test, train[:, :4] + rng.randn(180, 4)


def fitted(estimator: BaseEstimator, train: NDArray[Any], targets: NDArray[Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(train, targets)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("name", PROBABILISTIC)
def test_probabilities(name: str, n_classes: int, rows: Any) -> None:
    train, test, scores = rows
    estimator, build = PROBABILISTIC[name]
    estimator = fitted(estimator, train, scores[:, :n_classes].argmax(1) * 2)  # classes 0, 2, ..
    logits = build().load_fitted(estimator)(torch.from_numpy(test))
    assert logits.dtype == torch.float64
    expected = estimator.predict_proba(test)
    np.testing.assert_allclose(logits.softmax(1), expected, atol=TOLERANCE)
    assert (estimator.classes_[logits.argmax(1)] == estimator.predict(test)).all()


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("name", DECISIONS)
def test_decisions(name: str, n_classes: int, rows: Any) -> None:
    train, test, scores = rows
    estimator, build = DECISIONS[name]
    estimator = fitted(estimator, train, scores[:, :n_classes].argmax(1))
    logits = build().load_fitted(estimator)(torch.from_numpy(test)).numpy()
    expected = estimator.decision_function(test)
    if n_classes == 2:
        np.testing.assert_allclose(logits[:, 1] - logits[:, 0], expected, atol=TOLERANCE)
    else:
        np.testing.assert_allclose(np.sort(logits), np.sort(expected), atol=TOLERANCE)
        tied = expected.argmax(1) != estimator.predict(test)  # predict ignores confidences
        np.testing.assert_allclose(logits[~tied], expected[~tied], atol=TOLERANCE)
        assert tied.any() or name not in ("linear kernel", "polynomial")
    assert (logits.argmax(1) == estimator.predict(test)).all()


@pytest.mark.parametrize("name", ["neighbours", "perceptron", "tree", "forest"])
def test_independent_labels(name: str, rows: Any) -> None:
    train, test, scores = rows
    estimator, build = PROBABILISTIC[name]
    labels = (scores > 0.5).astype(np.int64)
    if name != "perceptron":
        labels[:, 1], labels[:, 2] = 0, 1  # labels with one value in all rows
    estimator = fitted(estimator, train, labels)
    logits = build(multilabel=True).load_fitted(estimator)(torch.from_numpy(test))
    expected = estimator.predict_proba(test)
    if isinstance(expected, list):  # of both values of each label
        expected = np.stack(
            [p @ c for p, c in zip(expected, estimator.classes_, strict=True)], axis=1
        )
    np.testing.assert_allclose(logits.sigmoid(), expected, atol=TOLERANCE)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("name", [*PROBABILISTIC, *DECISIONS])
def test_devices_agree(name: str, rows: Any) -> None:
    train, test, scores = rows
    estimator, build = (PROBABILISTIC | DECISIONS)[name]
    layer = build().load_fitted(fitted(estimator, train, scores.argmax(1)))
    expected = layer(torch.from_numpy(test))
    ours = layer.cuda()(torch.from_numpy(test).cuda())
    torch.testing.assert_close(ours.cpu(), expected, rtol=0, atol=TOLERANCE)
