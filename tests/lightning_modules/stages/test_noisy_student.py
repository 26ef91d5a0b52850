"""The losses of noisy student training against plain loops over windows and tags."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from lightning_modules.stages.noisy_student import NoisyStudent
from tests.support.small_module import SmallModule, batch_of

N_TAGS = 5


def windows(key: str) -> torch.Tensor:
    return torch.from_numpy(5 * rng_for("noisy student", key).standard_normal((6, 16))).float()


def batches(task: str) -> dict[str, Batch]:
    rng = rng_for("targets", task)
    if task == "singlelabel":
        targets = torch.eye(N_TAGS)[torch.from_numpy(rng.randint(0, N_TAGS, 6))]
    else:
        targets = torch.from_numpy(rng.randint(0, 2, (6, N_TAGS)))
    unlabelled = batch_of(windows("augmented"), torch.zeros(6, 0))
    unlabelled["clean"] = windows("clean")
    return {"labelled": batch_of(windows("labelled"), targets), "unlabelled": unlabelled}


def stage_of(task: str, **params: Any) -> tuple[NoisyStudent, SmallModule]:
    teacher = SmallModule.build(1, n_tags=N_TAGS, task=task)
    student = SmallModule.build(2, n_tags=N_TAGS, task=task).eval()  # no dropout
    return NoisyStudent(unlabelled="pool", parents={"teacher": teacher}, **params), student


def losses(stage: NoisyStudent, student: SmallModule, given: dict[str, Batch]) -> dict[str, float]:
    with torch.no_grad():
        return {name: float(term) for name, term in stage.loss(student, given).items()}


def probabilities(model: SmallModule, audio: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        logits = model.eval()(audio).double().numpy()
    if model.task == "multilabel":
        return np.asarray(1 / (1 + np.exp(-logits)))
    scores = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(scores / scores.sum(1, keepdims=True))


def entropy_terms(task: str, targets: np.ndarray, predicted: np.ndarray) -> list[list[float]]:
    """Return the cross-entropy of each tag, or of each window of a single-label task."""
    rows = []
    for target, p in zip(targets, predicted, strict=True):
        if task == "singlelabel":
            rows.append([-sum(t * np.log(q) for t, q in zip(target, p, strict=True))])
        else:
            rows.append(
                [-t * np.log(q) - (1 - t) * np.log(1 - q) for t, q in zip(target, p, strict=True)]
            )
    return rows


@pytest.mark.parametrize("task", ["multilabel", "singlelabel"])
@pytest.mark.parametrize("pseudo_labels", ["soft", "hard"])
@pytest.mark.parametrize("threshold", [None, 0.6])
def test_unlabelled_loss_is_the_cross_entropy_with_the_teacher(task, pseudo_labels, threshold):
    if threshold is not None and task == "singlelabel":
        threshold = 0.3  # of five classes
    stage, student = stage_of(task, pseudo_labels=pseudo_labels, threshold=threshold)
    given = batches(task)
    loss = losses(stage, student, given)
    teacher = probabilities(stage.parents["teacher"], given["unlabelled"]["clean"])
    predicted = probabilities(student, given["unlabelled"]["audio"])
    targets, kept = teacher, []
    if pseudo_labels == "hard":
        decided = teacher.argmax(1) if task == "singlelabel" else None
        targets = np.eye(N_TAGS)[decided] if decided is not None else (teacher >= 0.5) * 1.0
    for row, p in zip(entropy_terms(task, targets, predicted), teacher, strict=True):
        sure = [p.max()] if task == "singlelabel" else [max(q, 1 - q) for q in p]
        kept += [term for term, q in zip(row, sure, strict=True) if q >= (threshold or 0)]
    assert len(kept) > 0
    assert (len(kept) < (6 if task == "singlelabel" else 6 * N_TAGS)) == (threshold is not None)
    assert loss["unlabelled_loss"] == pytest.approx(np.mean(kept), rel=1e-5)
    labelled = entropy_terms(
        task,
        given["labelled"]["targets"].numpy(),
        probabilities(student, given["labelled"]["audio"]),
    )
    assert loss["labelled_loss"] == pytest.approx(np.mean(labelled), rel=1e-5)
    assert loss["loss"] == pytest.approx(np.mean(labelled) + np.mean(kept), rel=1e-5)


def test_labels_that_the_teacher_doubts_are_left_out():
    stage, student = stage_of("multilabel", doubt=0.6, weight=0.0)
    given = batches("multilabel")
    audio, targets = given["labelled"]["audio"], given["labelled"]["targets"].numpy()
    likely = probabilities(stage.parents["teacher"], audio) >= 0.6
    terms = np.array(entropy_terms("multilabel", targets, probabilities(student, audio)))
    doubted = likely & (targets == 0)
    assert 0 < doubted.sum() < doubted.size
    loss = losses(stage, student, given)
    assert loss["loss"] == pytest.approx(terms[~doubted].mean(), rel=1e-5)


def test_entropy_and_consistency_are_added_with_their_weights():
    stage, student = stage_of("multilabel", weight=0.0, entropy_weight=0.3, consistency_weight=2.0)
    given = batches("multilabel")
    loss = losses(stage, student, given)
    augmented = probabilities(student, given["unlabelled"]["audio"])
    clean = probabilities(student, given["unlabelled"]["clean"])
    entropy = np.mean(entropy_terms("multilabel", augmented, augmented))
    inconsistency = np.mean((augmented - clean) ** 2)
    assert loss["entropy"] == pytest.approx(entropy, rel=1e-5)
    assert loss["inconsistency"] == pytest.approx(inconsistency, rel=1e-5)
    expected = loss["labelled_loss"] + 0.3 * entropy + 2.0 * inconsistency
    assert loss["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_teacher_is_not_trained():
    stage, student = stage_of("multilabel")
    student.stage = stage
    stage.loss(student.train(), batches("multilabel"))["loss"].backward()  # type: ignore[no-untyped-call]
    learned = dict(student.learned_parameters())
    assert set(learned) == {name for name, _ in student.named_parameters()}
    assert all(p.grad is not None for p in learned.values())
    assert all(p.grad is None for p in stage.parents["teacher"].parameters())
    assert not any("teacher" in name for name in student.state_dict())


def test_a_teacher_of_other_windows_is_refused():
    stage, student = stage_of("multilabel")
    student.input_samples = 32
    with pytest.raises(TagbenchError, match="windows of 16 samples at 16000 Hz and the student 32"):
        stage.prepare(student, None)  # type: ignore[arg-type]
