"""The base of every architecture: hyper-parameters, one step, metrics, optimiser, prediction.

Shapes: B windows in a batch, W windows of a batch of tracks, N tracks, C tags, T samples.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Required, Self, TypedDict

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.seeding import seed_for
from lightning_modules.training import schedules
from lightning_modules.training.recipe import RECIPES, Recipe
from lightning_modules.training.track_metrics import TrackScores, track_means

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

    from datamodules.base import Batch

Task = Literal["multilabel", "singlelabel"]
Stage = Literal["train", "valid", "test"]


_SAMPLES_AT_ONCE = 2**22  # 9 windows of 29 s, 71 of 3.7 s


class BaseOptions(TypedDict, total=False):
    """What the runner passes to every architecture; leaves forward it as ``**base``."""

    n_tags: Required[int]
    task: Task
    recipe: Recipe | Mapping[str, Any] | None
    seed: int


class TaggingModule(pl.LightningModule):
    """An architecture that maps audio to one logit per tag.

    A leaf states its facts, builds its layers in ``__init__`` and implements ``forward``;
    logits leave it, and the sigmoid (or softmax) lives in the loss and in ``probabilities``.

    Args:
        n_tags: Number of outputs, C.
        task: ``multilabel`` (binary cross-entropy, sigmoid) or ``singlelabel`` (cross-entropy,
            softmax, the class of a multi-hot row being its argmax).
        recipe: How to train; a preset's numbers when None.
        seed: Key of all randomness in training, such as dropout.

    Attributes:
        identity: Name of the class in the ids of its results; it never changes. Every architecture
            declares its own.
        revision: Raised whenever a change alters results.
        sample_rate: Rate of the audio in Hz.
        input_samples: Window length in samples.
        min_samples: Shortest input that ``forward`` accepts.
        max_samples: Longest input that ``forward`` accepts, None for no limit.
        learns: False for a model that ``fit_priors`` alone fits, without a gradient.
        title: Name shown in tables.
        paper: Authors, year, venue, and the row of the table that it stands for.
        bibtex: Entry to cite.
    """

    identity: ClassVar[str]
    revision: ClassVar[int] = 1
    sample_rate: ClassVar[int] = 16000
    input_samples: ClassVar[int] = 59049
    min_samples: ClassVar[int] = 1
    max_samples: ClassVar[int | None] = None
    learns: ClassVar[bool] = True
    title: ClassVar[str]
    paper: ClassVar[str]
    bibtex: ClassVar[str]

    def __init__(
        self,
        *,
        n_tags: int,
        task: Task = "multilabel",
        recipe: Recipe | Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if task not in ("multilabel", "singlelabel"):
            raise unknown_name("task", task, ("multilabel", "singlelabel"), type(self).__name__)
        if n_tags < 1:
            raise TagbenchError(f"{type(self).__name__} needs n_tags >= 1, got {n_tags}.")
        self.n_tags, self.task, self.seed = n_tags, task, seed
        self.recipe = _as_recipe(recipe)
        self._resumed_epoch = 0
        # Arguments of the leaf included; only plain types, so that torch.load(weights_only=True)
        # reads the checkpoint.
        self.save_hyperparameters(ignore="recipe")
        self.save_hyperparameters({"recipe": self.recipe.model_dump()})
        self.valid_scores = TrackScores(task)
        self.test_scores = TrackScores(task)

    @classmethod
    def build(cls, seed: int, **params: Any) -> Self:
        """Make the model with initial weights that depend on ``seed`` alone.

        The global generator of torch is left as it was.

        Args:
            seed: Key of the initial weights and of all randomness in training.
            **params: Arguments of ``__init__``.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for("init", seed))
            return cls(**params, seed=seed)

    @abstractmethod
    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) at ``sample_rate`` to logits (B, C)."""

    def check_length(self, audio: Tensor) -> None:
        """Refuse audio (B, T) whose length the layers cannot take.

        Raises:
            TagbenchError: It is shorter than ``min_samples`` or longer than ``max_samples``.
        """
        samples, rate = audio.shape[-1], self.sample_rate
        if samples < self.min_samples or (self.max_samples and samples > self.max_samples):
            most = f" to {self.max_samples / rate:.2f} s" if self.max_samples else " or more"
            raise TagbenchError(
                f"{type(self).__name__} cannot take {samples / rate:.2f} s of audio: it expects "
                f"{self.min_samples / rate:.2f} s{most}. "
                f"Cut windows of {self.input_samples} samples."
            )

    @property
    def n_params(self) -> int:
        """Number of learned scalars, as papers count them."""
        return sum(parameter.numel() for parameter in self.parameters())

    def probabilities(self, logits: Tensor) -> Tensor:
        """Map logits (B, C) to float32 probabilities (B, C)."""
        logits = logits.float()  # bfloat16 under autocast has three digits only
        return logits.sigmoid() if self.task == "multilabel" else logits.softmax(-1)

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each window (B,) from logits and multi-hot targets (B, C)."""
        logits = logits.float()
        if self.task == "singlelabel":
            return F.cross_entropy(logits, targets.argmax(1), reduction="none")
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)

    def fit_priors(self, counts: Tensor, total: int) -> None:
        """Learn from tag counts (C,) over ``total`` training tracks; most models need not."""

    def _windows(self, audio: Tensor) -> Tensor:
        """Map all windows (W, T) of a batch of tracks to logits (W, C), a few at a time.

        A song-level model of a batch with all its windows would fill gigabytes at once.
        """
        rows = max(1, _SAMPLES_AT_ONCE // audio.shape[1])
        starts = range(0, len(audio), rows)
        return torch.cat([self(audio[start : start + rows]) for start in starts])

    def _step(self, batch: Batch, stage: Stage) -> Tensor:
        audio = batch["audio"]
        logits = self(audio) if stage == "train" else self._windows(audio)  # (W, C)
        track_index, targets = batch["track_index"], batch["targets"]
        losses = self.losses(logits, targets[track_index])  # (W,)
        n_tracks = len(targets)
        if stage == "train":
            loss = losses.mean()
            self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=n_tracks)
            return loss
        scores = self.valid_scores if stage == "valid" else self.test_scores
        track_losses = track_means(losses[:, None], track_index, n_tracks)[:, 0]
        scores.update(
            track_means(self.probabilities(logits), track_index, n_tracks), targets, track_losses
        )
        return track_losses.mean()

    def _log_scores(self, stage: Stage, scores: TrackScores) -> None:
        # Computed once, on all tracks of the epoch: the mean of per-batch ROC-AUCs is another
        # number.
        self.log_dict({f"{stage}_{name}": value for name, value in scores.compute().items()})
        scores.reset()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the mean loss over the windows of the batch."""
        return self._step(batch, "train")

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Collect the scores of the batch's tracks."""
        return self._step(batch, "valid")

    def test_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Collect the scores of the batch's tracks."""
        return self._step(batch, "test")

    def predict_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """Return probabilities (W, C), one row per window."""
        return self.probabilities(self._windows(batch["audio"]))

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Reseed torch, so that a step does not depend on what was drawn before it.

        Dropout has no generator of its own. A run resumed from an epoch's checkpoint thus gives
        the weights of an uninterrupted one, bit for bit. Not once an epoch, because Lightning
        skips ``on_train_epoch_start`` where it resumes from a checkpoint of a validation.
        """
        torch.manual_seed(
            seed_for("train", self.seed, self.current_epoch, batch_idx, self.global_rank)
        )

    def on_validation_epoch_end(self) -> None:
        """Log ``valid_loss`` and the metrics of the task."""
        self._log_scores("valid", self.valid_scores)

    def on_test_epoch_end(self) -> None:
        """Log ``test_loss`` and the metrics of the task."""
        self._log_scores("test", self.test_scores)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build what the recipe asks for."""
        if not self.learns:
            return None
        steps = int(self.trainer.estimated_stepping_batches)
        return schedules.configure(self, self.recipe, steps, self._resumed_epoch)

    def configure_callbacks(self) -> Sequence[pl.Callback]:
        """Bring the callbacks that the recipe needs to any Trainer."""
        return schedules.callbacks(self.recipe)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note the epoch: which optimiser the checkpoint holds may depend on it."""
        self._resumed_epoch = int(checkpoint.get("epoch", 0))


def _as_recipe(recipe: Recipe | Mapping[str, Any] | None) -> Recipe:
    if recipe is None:
        return RECIPES["standard"]
    return recipe if isinstance(recipe, Recipe) else Recipe.model_validate(dict(recipe))
