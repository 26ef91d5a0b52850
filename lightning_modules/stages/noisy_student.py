"""Training by a teacher that labels music without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import Batches, GradientStage, Parents
from lightning_modules.stages.training_data import TrainingData
from lightning_modules.training.masked_mean import masked_mean
from lightning_modules.training.soft_cross_entropy import soft_cross_entropy


class NoisyStudent(GradientStage):
    """Noisy student training of Won, Choi and Serra (ISMIR 2021), after Xie et al. (CVPR 2020).

    One half of each batch is labelled, the other is not. The teacher, which is not trained, labels
    the unlabelled crops as they are; the student sees them augmented, and learns from the labels
    and from the teacher with equal weights. A student of the teacher's size is the knowledge
    expansion of the paper, a smaller one its knowledge distillation. An epoch passes once over the
    larger of the two sets, and as often as needed over the other.

    Args:
        unlabelled: Dataset without labels, or whose labels are ignored. ``pool`` is the one that
            the file of the labelled dataset names.
        augment: Augmentation of the unlabelled crops that the student sees.
        augment_labelled: Augmentation of the labelled crops.
        pseudo_labels: ``soft``: the probabilities of the teacher; ``hard``: its decisions at 0.5,
            or its most probable class.
        threshold: Confidence from which a pseudo label counts: the probability of the tag or of its
            absence, or of the most probable class. None counts all.
        doubt: Probability from which the teacher doubts a missing label: such labels are left out
            of the labelled loss of a multi-label task. None trusts all labels.
        weight: Weight of the unlabelled loss.
        entropy_weight: Weight of the entropy of the student's predictions on unlabelled crops
            (Grandvalet and Bengio, NeurIPS 2004).
        consistency_weight: Weight of the squared difference between the student's probabilities of
            unlabelled crops with and without augmentation (Laine and Aila, ICLR 2017).
        parents: ``teacher``, which takes the same windows as the student.
    """

    identity: ClassVar[str] = "NoisyStudent"
    title: ClassVar[str] = "noisy student"
    parent_names: ClassVar[tuple[str, ...]] = ("teacher",)
    same_outputs: ClassVar[tuple[str, ...]] = ("teacher",)
    sources: ClassVar[tuple[str, ...]] = ("unlabelled",)
    augmentations: ClassVar[tuple[str, ...]] = ("augment", "augment_labelled")
    batch_parts: ClassVar[int] = 2

    def __init__(
        self,
        *,
        unlabelled: str = "pool",
        augment: str | None = None,
        augment_labelled: str | None = None,
        pseudo_labels: Literal["soft", "hard"] = "soft",
        threshold: float | None = None,
        doubt: float | None = None,
        weight: float = 1.0,
        entropy_weight: float = 0.0,
        consistency_weight: float = 0.0,
        parents: Parents,
    ) -> None:
        super().__init__(parents=parents)
        for name, value in (("threshold", threshold), ("doubt", doubt)):
            if value is not None and not 0 <= value <= 1:
                raise TagbenchError(f"{name} must be from 0 to 1, got {value}.")
        self.pseudo_labels = pseudo_labels
        self.threshold = threshold
        self.doubt = doubt
        self.weight = weight
        self.entropy_weight = entropy_weight
        self.consistency_weight = consistency_weight

    @classmethod
    def track_limit(cls, params: Mapping[str, Any], n_tracks: Callable[[str | None], int]) -> None:
        """Return None: a small set of tracks is read as often as needed."""

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Check that teacher and student take the same windows.

        Raises:
            TagbenchError: They do not.
        """
        teacher = self.parents["teacher"]
        takes = [(m.sample_rate, m.input_samples) for m in (teacher, model)]
        if takes[0] != takes[1]:
            raise TagbenchError(
                f"The teacher takes windows of {takes[0][1]} samples at {takes[0][0]} Hz and the "
                f"student {takes[1][1]} at {takes[1][0]} Hz; both must take the same windows."
            )

    def loaders(self, data: TrainingData) -> Mapping[str, DataLoader[Batch]]:
        """Return labelled and unlabelled batches, each of half the batch size."""
        half = data.labelled.batch_size // self.batch_parts
        steps = max(1, max(data.n_tracks(), data.n_tracks("unlabelled")) // half)
        return {
            "labelled": data.crops(batch_size=half, steps=steps, augment="augment_labelled"),
            "unlabelled": data.crops(
                "unlabelled", batch_size=half, steps=steps, augment="augment", keep_clean=True
            ),
        }

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the loss, and its labelled and unlabelled terms."""
        labelled, clean = batches["labelled"], batches["unlabelled"]["clean"]
        audio = torch.cat([labelled["audio"], batches["unlabelled"]["audio"]])
        n_labelled = len(labelled["audio"])
        logits = model(audio)
        teacher = self.parents["teacher"]
        with torch.no_grad():
            pseudo = teacher.probabilities(teacher(clean))
        terms = {
            "labelled_loss": self._labelled_loss(model, logits[:n_labelled], labelled),
            "unlabelled_loss": self._pseudo_loss(model, logits[n_labelled:], pseudo),
        }
        loss = terms["labelled_loss"] + self.weight * terms["unlabelled_loss"]
        if self.entropy_weight:
            terms["entropy"] = soft_cross_entropy(
                logits[n_labelled:], model.probabilities(logits[n_labelled:]), model.task
            ).mean()
            loss = loss + self.entropy_weight * terms["entropy"]
        if self.consistency_weight:
            with torch.no_grad():
                expected = model.probabilities(model(clean))
            apart = model.probabilities(logits[n_labelled:]) - expected
            terms["inconsistency"] = apart.square().mean()
            loss = loss + self.consistency_weight * terms["inconsistency"]
        return {"loss": loss, **terms}

    def _labelled_loss(self, model: TaggingModule, logits: Tensor, batch: Batch) -> Tensor:
        targets = batch["targets"][batch["track_index"]]
        if self.doubt is None or model.task == "singlelabel":
            return model.losses(logits, targets).mean()
        teacher = self.parents["teacher"]
        with torch.no_grad():
            likely = teacher.probabilities(teacher(batch["audio"])) >= self.doubt
        trusted = ~(likely & (targets == 0))
        return masked_mean(soft_cross_entropy(logits, targets, model.task), trusted)

    def _pseudo_loss(self, model: TaggingModule, logits: Tensor, pseudo: Tensor) -> Tensor:
        single = model.task == "singlelabel"
        confidence = pseudo.amax(1) if single else torch.maximum(pseudo, 1 - pseudo)
        if self.pseudo_labels == "hard":
            hard = F.one_hot(pseudo.argmax(1), pseudo.shape[1]) if single else pseudo >= 0.5
            pseudo = hard.to(pseudo.dtype)
        losses = soft_cross_entropy(logits, pseudo, model.task)
        if self.threshold is None:
            return losses.mean()
        return masked_mean(losses, confidence >= self.threshold)
