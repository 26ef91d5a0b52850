"""Base class of every architecture: hyper-parameters, steps, validation metrics, optimizer.

Shapes: B windows in a batch, W windows of a batch of tracks, N tracks, C tags, T samples.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

# Bounds the memory of a forward pass without gradients: 9 windows of 29 s, 71 of 3.7 s. The first
# maps of FCN take 45 MB for each window of 29 s.
_SAMPLES_PER_PASS = 2**22


@dataclass(frozen=True)
class InputSpec:
    """Audio that a configured model takes.

    Attributes:
        sample_rate: Rate in Hz.
        window: Length in samples of the windows that it is trained and evaluated on.
        min_samples: Shortest input that ``forward`` accepts.
        max_samples: Longest input that ``forward`` accepts, None for no limit.
    """

    sample_rate: int
    window: int
    min_samples: int = 1
    max_samples: int | None = None


class BaseOptions(TypedDict, total=False):
    """Arguments that every architecture takes, and passes to ``TaggingModule`` as ``**base``."""

    n_tags: Required[int]
    task: Task
    recipe: Recipe | Mapping[str, Any] | None
    seed: int


class TaggingModule(pl.LightningModule):
    """An architecture that maps audio to one logit per tag.

    A subclass declares its facts, builds its layers in ``__init__`` and implements ``forward``.
    ``forward`` returns logits; the loss and ``probabilities`` apply the sigmoid or the softmax.

    Args:
        n_tags: Number of outputs, C.
        task: ``multilabel`` (binary cross-entropy, sigmoid) or ``singlelabel`` (cross-entropy,
            softmax, the class of a multi-hot row being its argmax).
        recipe: Training recipe; the preset ``standard`` when None.
        seed: Key of all randomness in training, such as dropout.

    Attributes:
        identity: Name of the class in the ids of its results. It never changes, and every
            architecture declares its own.
        revision: Number to increase whenever a change alters results.
        sample_rate: Rate of the audio in Hz.
        input_samples: Window length in samples.
        min_samples: Shortest input that ``forward`` accepts.
        max_samples: Longest input that ``forward`` accepts, None for no limit.
        learns: False for a model that is fitted by ``fit_priors`` alone, without gradients.
        title: Name shown in tables.
        paper: Authors, venue and year, and the row of the published table that it reproduces.
        bibtex: BibTeX entry to cite.
    """

    identity: ClassVar[str]
    revision: ClassVar[int] = 1
    sample_rate: int = 16000
    input_samples: int = 59049
    min_samples: int = 1
    max_samples: int | None = None
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
        # Includes the arguments of the subclass. Only plain types, so that
        # torch.load(weights_only=True) reads the checkpoint.
        self.save_hyperparameters(ignore="recipe")
        self.save_hyperparameters({"recipe": self.recipe.model_dump()})
        own = {
            name: v for name, v in self.hparams.items() if name not in BaseOptions.__annotations__
        }
        spec = self.input_spec(**own)
        self.sample_rate, self.input_samples = spec.sample_rate, spec.window
        self.min_samples, self.max_samples = spec.min_samples, spec.max_samples
        self.valid_scores = TrackScores(task)

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return the audio that the model takes when it is built with ``params``.

        The default returns the class attributes. A class whose parameters change the front end
        overrides it.

        Args:
            **params: Arguments of ``__init__`` other than those of `BaseOptions`.
        """
        return InputSpec(cls.sample_rate, cls.input_samples, cls.min_samples, cls.max_samples)

    @classmethod
    def build(cls, seed: int, **params: Any) -> Self:
        """Build the model with initial weights that depend on ``seed`` alone.

        The state of torch's global generator is restored.

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
        """Check that the layers can take audio (B, T) of this length.

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
        """Number of scalars that training changes: frozen parameters and buffers do not count."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

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
        """Fit the model to tag counts (C,) over ``total`` training tracks; does nothing here."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the mean loss over the windows of the batch."""
        logits = self(batch["audio"])  # (W, C)
        loss = self.losses(logits, batch["targets"][batch["track_index"]]).mean()
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch["targets"]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Add the tracks of the batch to the validation metrics, and return their mean loss."""
        audio, track_index, targets = batch["audio"], batch["track_index"], batch["targets"]
        rows = windows_per_pass(audio.shape[1])
        logits = torch.cat([self(windows) for windows in torch.split(audio, rows)])  # (W, C)
        losses = self.losses(logits, targets[track_index])  # (W,)
        track_losses = track_means(losses[:, None], track_index, len(targets))[:, 0]
        scores = track_means(self.probabilities(logits), track_index, len(targets))
        self.valid_scores.update(scores, targets, track_losses)
        return track_losses.mean()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Reseed torch, so that a step does not depend on the random numbers drawn before it.

        Dropout has no generator of its own. A run that resumes from the checkpoint of an epoch
        therefore gives the weights of an uninterrupted run, bit for bit. The seed is set in every
        batch because Lightning skips ``on_train_epoch_start`` when it resumes from a checkpoint
        that was written after validation.
        """
        torch.manual_seed(
            seed_for("train", self.seed, self.current_epoch, batch_idx, self.global_rank)
        )

    def on_validation_epoch_end(self) -> None:
        """Log ``valid_loss`` and the metrics of the task, computed over all tracks of the epoch."""
        scores = self.valid_scores.compute()
        self.log_dict({f"valid_{name}": value for name, value in scores.items()})
        self.valid_scores.reset()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer and the schedule of the recipe."""
        if not self.learns:
            return None
        steps = int(self.trainer.estimated_stepping_batches)
        return schedules.configure(self, self.recipe, steps, self._resumed_epoch)

    def configure_callbacks(self) -> Sequence[pl.Callback]:
        """Return the callbacks that the recipe needs, which Lightning adds to the Trainer."""
        return schedules.callbacks(self.recipe)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the epoch, which decides the optimizer that the checkpoint holds."""
        self._resumed_epoch = int(checkpoint.get("epoch", 0))


def windows_per_pass(samples: int) -> int:
    """Return how many windows of ``samples`` samples one forward pass without gradients takes."""
    return max(1, _SAMPLES_PER_PASS // samples)


def _as_recipe(recipe: Recipe | Mapping[str, Any] | None) -> Recipe:
    if recipe is None:
        return RECIPES["standard"]
    return recipe if isinstance(recipe, Recipe) else Recipe.model_validate(dict(recipe))
