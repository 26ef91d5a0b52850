"""Classifiers of features: fitted by scikit-learn, evaluated by torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.utils import shuffle

from benchmark.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from benchmark.config.models import ResolvedModel
from benchmark.config.schema import BenchmarkFile
from benchmark.config.variants import load_models
from benchmark.experiment_files import find, load, names
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from lightning_modules.architectures.feature_classifier import FeatureClassifier

FILES = [name for name in names("models") if name.startswith("fma_")]
MODELS = {
    name: ResolvedModel.named(
        f"{name}[sets=zcr,whole_view=false{',neighbours=20' if name == 'fma_knn' else ''}]"
    )
    for name in FILES
}
WIDTH, TAGS = 7, ("a", "b", "c", "d")
Rows = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Return features (160, 7) and classes (160,) of training tracks, and test features (90, 7).

    No track has the class ``b``.
    """
    rng = rng_for("classifiers of features")
    scale, offset = rng.uniform(0.1, 9, WIDTH), 5 * rng.randn(WIDTH)
    train = rng.randn(160, WIDTH)
    classes = np.array([0, 2, 3])[(train[:, :3] + 0.5 * rng.randn(160, 3)).argmax(1)]
    test = 1.5 * rng.randn(90, WIDTH)
    return *((x * scale + offset).astype(np.float32) for x in (train, test)), classes


def fitted(name: str, features: NDArray[Any], targets: NDArray[Any], task: str) -> Any:
    resolved = MODELS[name]
    model = resolved.cls.build(1, n_tags=len(TAGS), task=task, **resolved.architecture.params)
    model.fit_features(features, targets.astype(np.float32))
    return model.eval()


def predict(model: FeatureClassifier, features: NDArray[Any]) -> torch.Tensor:
    with torch.inference_mode():
        return model.window_outputs(torch.from_numpy(features)[:, None])


@pytest.mark.parametrize("name", FILES)
def test_predicted_class_is_that_of_scikit_learn(name: str, rows: Rows, tmp_path: Path) -> None:
    train, test, classes = rows
    model = fitted(name, train, np.eye(4)[classes], "singlelabel")
    scaler = StandardScaler().fit(train.astype(np.float64))
    order = shuffle(np.arange(len(train)), random_state=42)
    estimator = model.estimator().fit(
        scaler.transform(train.astype(np.float64))[order], classes[order]
    )
    ours = predict(model, test)
    unseen = scaler.transform(test.astype(np.float64))
    assert (ours.argmax(1).numpy() == estimator.predict(unseen)).all()
    np.testing.assert_allclose(model.embed(torch.from_numpy(test)[:, None]), unseen, atol=1e-5)
    if hasattr(estimator, "predict_proba"):
        expected = estimator.predict_proba(unseen)
        np.testing.assert_allclose(ours[:, [0, 2, 3]], expected, atol=1e-5)
    assert ours.dtype == torch.float32
    assert not ours[:, 1].any()
    torch.testing.assert_close(ours.sum(1), torch.ones(len(ours)))

    facts = {"model": name, "title": name, "dataset": "x", "tags": TAGS, "windows": "tiled"}
    source = {"file": "x", "sha256": ""}
    architecture = MODELS[name].architecture
    save_checkpoint(tmp_path, model, architecture=architecture, source=source, **facts)
    again, _ = load_checkpoint(tmp_path)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(predict(again, test), ours)


@pytest.mark.parametrize("name", FILES)
def test_labels_are_independent(name: str, rows: Rows, tmp_path: Path) -> None:
    train, test, classes = rows
    targets = np.stack([classes == 0, classes < 3, classes > 5, classes >= 0], axis=1)
    model = fitted(name, train, targets, "multilabel")
    ours = predict(model, test)
    assert (ours[:, 2] < 0.01).all()  # a label of no track
    assert (ours[:, 3] > 0.99).all()  # a label of every track
    known = predict(model, train)[:, 0]
    assert known[classes == 0].mean() > known[classes != 0].mean() + 0.1
    again = type(model)(**model.hparams)
    again.load_state_dict(model.state_dict())
    assert torch.equal(predict(again.eval(), test), ours)


def test_published_baselines_of_the_tiny_check() -> None:
    # Rows 0 to 159 of sin(0.0031 n^2) train, the others test; a constant column changes nothing.
    features = np.zeros((240, WIDTH), np.float32)
    features[:, :6] = np.sin(0.0031 * np.arange(1, 1441, dtype=np.float64) ** 2).reshape(240, 6)
    x = features.astype(np.float64)
    classes = (x[:, 0] + 0.5 * x[:, 1] > 0.2).astype(int) + (x[:, 2] - x[:, 3] > 0.4)
    expected = {
        "fma_logistic_regression": 0.825,
        "fma_knn": 0.8375,
        "fma_svm": 0.875,
        "fma_naive_bayes": 0.8125,
    }
    for name, accuracy in expected.items():
        model = fitted(name, features[:160], np.eye(4)[classes[:160]], "singlelabel")
        hits = predict(model, features[160:]).argmax(1).numpy() == classes[160:]
        assert hits.mean() == accuracy, name


def test_features_are_selected_in_their_order_and_repeated() -> None:
    shared, own = (
        ResolvedModel.named(f"fma_svm[sets=zcr/rmse/zcr,whole_view={whole}]").build(2)
        for whole in ("true", "false")
    )
    columns = [[c[0] for c in model.view.columns] for model in (shared, own)]
    for model, features in zip((shared, own), columns, strict=True):
        selected = [features[number] for number in model.column]
        assert selected == ["zcr"] * 7 + ["rmse"] * 7 + ["zcr"] * 7
    assert [len(features) for features in columns] == [518, 14]


def test_baselines_of_matt_see_chroma_cens_three_times_and_unscaled() -> None:
    file = load(find("benchmarks", "fma_unscaled_baselines"), BenchmarkFile)
    for label, model_file in load_models(file.models).items():
        model = ResolvedModel.of(label, model_file).build(16)
        features = [model.view.columns[number][0] for number in model.column]
        assert (len(features), features.count("chroma_cens")) == (518, 3 * 84)
        assert not {"chroma_stft", "chroma_cqt"} & set(features)
        assert not model.standardise


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fma_qda", r"shrinkage=0\.1"),
        ("fma_knn", r"20 neighbours cannot be found among 12 training tracks"),
        ("fma_svm", "cannot be fitted to 12 training tracks with 7 features: all of them have"),
    ],
)
def test_tracks_that_cannot_be_fitted_are_an_error(name: str, message: str, rows: Rows) -> None:
    train, _, classes = rows
    some = np.flatnonzero(classes == 0)[:12] if name == "fma_svm" else np.arange(12)
    with pytest.raises(TagbenchError, match=message):
        fitted(name, train[some], np.eye(4)[classes[some]], "singlelabel")
