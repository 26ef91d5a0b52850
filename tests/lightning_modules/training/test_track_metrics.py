"""Validation metrics per track against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

from datamodules.base import Batch
from lightning_modules.base import TaggingModule
from lightning_modules.training.track_metrics import (
    TrackScores,
    binary_accuracy,
    class_accuracy,
    track_means,
)
from tests.support.small_module import (
    IGNORE_LIGHTNING_WARNINGS,
    SmallModule,
    batch_loader,
    make_trainer,
    random_batches,
)


def track_level(model: TaggingModule, batches: list[Batch]) -> tuple[np.ndarray, ...]:
    """Return probabilities, targets and losses per track, computed one window at a time."""
    scores, targets, losses = [], [], []
    with torch.inference_mode():
        for batch in batches:
            for row, target in enumerate(batch["targets"]):
                logits = model(batch["audio"][batch["track_index"] == row])
                scores.append(model.probabilities(logits).double().mean(0).numpy())
                losses.append(np.mean([float(model.losses(z[None], target[None])) for z in logits]))
                targets.append(target.numpy())
    return np.stack(scores), np.stack(targets), np.array(losses)


@IGNORE_LIGHTNING_WARNINGS
@pytest.mark.parametrize("sizes", [[7, 5, 1], [2, 2, 2, 2, 2, 2, 1], [13]])
def test_validation_metrics_equal_sklearn_over_tracks(tmp_path, sizes):
    model, batches = SmallModule.build(0, n_tags=5).eval(), random_batches(sizes)
    (logged,) = make_trainer(tmp_path, 1).validate(model, batch_loader(batches), verbose=False)
    scores, targets, losses = track_level(model, batches)
    assert logged["valid_loss"] == pytest.approx(losses.mean(), rel=1e-6)
    expected = roc_auc_score(targets[:, :-1], scores[:, :-1], average="macro")
    assert logged["valid_roc_auc"] == pytest.approx(expected, abs=1e-6)
    expected = average_precision_score(targets[:, :-1], scores[:, :-1], average="macro")
    assert logged["valid_pr_auc"] == pytest.approx(expected, abs=1e-6)
    expected = accuracy_score(targets.ravel(), scores.ravel() > 0.5)
    assert logged["valid_accuracy"] == pytest.approx(expected, abs=1e-6)


@IGNORE_LIGHTNING_WARNINGS
def test_single_label_metrics_are_per_track(tmp_path):
    model = SmallModule.build(0, n_tags=5, task="singlelabel").eval()
    batches = random_batches([7, 5, 1], task="singlelabel")
    (logged,) = make_trainer(tmp_path, 1).validate(model, batch_loader(batches), verbose=False)
    scores, targets, losses = track_level(model, batches)
    hits = scores.argmax(1) == targets.argmax(1)
    assert logged["valid_accuracy"] == pytest.approx(hits.mean(), abs=1e-6)
    assert logged["valid_loss"] == pytest.approx(losses.mean(), rel=1e-6)
    assert "valid_roc_auc" not in logged


@IGNORE_LIGHTNING_WARNINGS
def test_metrics_do_not_depend_on_how_many_windows_run_at_once(tmp_path, monkeypatch):
    model, batches = SmallModule.build(0, n_tags=5), random_batches([6, 3])
    whole = make_trainer(tmp_path, 1).validate(model, batch_loader(batches), verbose=False)[0]
    monkeypatch.setattr("lightning_modules.inputs._VALUES_PER_PASS", 3 * 16)
    sizes: list[int] = []
    model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    parts = make_trainer(tmp_path, 1).validate(model, batch_loader(batches), verbose=False)[0]
    assert max(sizes) == 3
    assert parts == pytest.approx(whole, rel=1e-6)
    windows = torch.cat([batch["audio"] for batch in batches])
    assert sum(sizes) == len(windows)


@IGNORE_LIGHTNING_WARNINGS
def test_validation_resets_its_metrics(tmp_path):
    model, batches = SmallModule.build(0, n_tags=5), random_batches([6, 3])
    trainer = make_trainer(tmp_path, 1)
    first = trainer.validate(model, batch_loader(batches), verbose=False)
    assert trainer.validate(model, batch_loader(batches), verbose=False) == first


def test_metrics_need_a_tag_with_positives_and_negatives():
    scores = TrackScores("multilabel")
    scores.update(
        torch.rand(3, 2, generator=torch.Generator().manual_seed(0)),
        torch.tensor([[1.0, 0.0]] * 3),
        torch.ones(3),
    )
    assert set(scores.compute()) == {"loss", "accuracy"}


def test_accuracy_of_a_batch_counts_decisions_at_one_half():
    probabilities = torch.tensor([[0.9, 0.5, 0.2], [0.4, 0.6, 0.7]])
    targets = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.1]])
    # 0.5 is not above the threshold; the soft label 0.1 counts as 0.
    assert float(binary_accuracy(probabilities, targets)) == pytest.approx(3 / 6)
    assert float(class_accuracy(probabilities, torch.eye(3)[[0, 1]])) == 0.5


def test_track_means_do_not_depend_on_the_order_of_windows():
    values = torch.tensor([[1.0], [5.0], [3.0], [9.0]])
    track_index = torch.tensor([0, 1, 0, 0])
    expected = torch.tensor([[13 / 3], [5.0]])
    torch.testing.assert_close(track_means(values, track_index, 2), expected)
    torch.testing.assert_close(track_means(values.flip(0), track_index.flip(0), 2), expected)
