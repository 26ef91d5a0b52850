"""Base class of every architecture: hyper-parameters, steps, validation metrics, optimizer.

Shapes: B windows in a batch, W windows of a batch of tracks, N tracks, C tags, T samples.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Required, Self, TypedDict

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.seeding import seed_for
from lightning_modules.inputs import InputSpec, windows_per_pass
from lightning_modules.layers.output_layer import find_output_layer, input_of
from lightning_modules.training import schedules
from lightning_modules.training.objective import Objective
from lightning_modules.training.recipe import Recipe, as_recipe
from lightning_modules.training.track_metrics import TrackScores, track_means

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

    from datamodules.base import Batch

Task = Literal["multilabel", "singlelabel"]

_STAGE = "stage."  # prefix of the names of the layers that only training needs


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
        built_on: Arguments that describe a parent of the same name: its class path and parameters.
        default_stage: Import path of the stage that trains the model if its YAML names none.
        stage: How the model is trained; None trains on labels.
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
    built_on: ClassVar[tuple[str, ...]] = ()
    default_stage: ClassVar[str] = "lightning_modules.stages.supervised.Supervised"
    title: ClassVar[str]
    paper: ClassVar[str]
    bibtex: ClassVar[str]
    stage: Objective | None

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
        self.recipe = as_recipe(recipe)
        self.stage = None
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

        Args:
            seed: Key of the initial weights and of all randomness in training.
            **params: Arguments of ``__init__``.
        """
        # The state of torch's global generator is restored afterwards.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for("init", seed))
            return cls(**params, seed=seed)

    @abstractmethod
    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) at ``sample_rate`` to logits (B, C)."""

    def check_length(self, audio: Tensor) -> None:
        """Raise a `TagbenchError` if the layers cannot take audio (B, T) of this length."""
        rate, window = self.sample_rate, self.input_samples
        spec = InputSpec(rate, window, self.min_samples, self.max_samples)
        spec.check_length(audio.shape[-1], type(self).__name__)

    @property
    def n_params(self) -> int:
        """Number of scalars that training changes: frozen parameters and buffers do not count."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    @property
    def classifier(self) -> nn.Linear:
        """The layer that computes the logits: by default the last linear layer with C outputs.

        Raises:
            TagbenchError: There is none, so the model has no embedding.
        """
        layer = find_output_layer(self, self.n_tags, skipped=_STAGE)
        if layer is None:
            raise TagbenchError(
                f"{type(self).__name__} has no embedding: no linear layer computes its logits."
            )
        return layer

    def embed(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to embeddings (B, D): the input of the layer that computes the logits.

        Call it in evaluation mode, without dropout. D is ``classifier.in_features``.
        """
        return input_of(self.classifier, self, audio)

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
        """Fit the model to tag counts (C,) over ``total`` training tracks.

        Raises:
            TagbenchError: The model cannot be fitted without gradients.
        """
        raise TagbenchError(f"{type(self).__name__} has no closed form: train it with gradients.")

    def supervised_loss(self, batch: Batch) -> Tensor:
        """Return the mean loss over the windows of a labelled batch."""
        logits = self.batch_logits(batch)  # (W, C)
        return self.losses(logits, batch["targets"][batch["track_index"]]).mean()

    def batch_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a batch."""
        logits: Tensor = self(batch["audio"])
        return logits

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss of a step.

        Args:
            batch: A labelled batch; of a stage, its batches by name.
            batch_idx: Number of the step in its epoch.
        """
        if self.stage is None:
            terms: Mapping[str, Tensor] = {"loss": self.supervised_loss(batch)}
            size = len(batch["targets"])
        else:
            terms = self.stage.loss(self, batch)
            size = len(next(iter(batch.values()))["targets"])
        logged = {f"train_{name}": term for name, term in terms.items()}
        self.log_dict(logged, on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        return terms["loss"]

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Add the tracks of the batch to the validation metrics, and return their mean loss."""
        track_index, targets = batch["track_index"], batch["targets"]
        if not len(targets):  # there are fewer batches than processes
            self.valid_scores.update(targets, targets, targets.sum(1))
            return targets.sum()
        logits = self.valid_logits(batch)
        losses = self.losses(logits, targets[track_index])  # (W,)
        track_losses = track_means(losses[:, None], track_index, len(targets))[:, 0]
        scores = track_means(self.probabilities(logits), track_index, len(targets))
        self.valid_scores.update(scores, targets, track_losses)
        return track_losses.mean()

    def valid_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a batch of any number of windows."""
        audio = batch["audio"]
        rows = windows_per_pass(audio.shape[1])
        return torch.cat([self(windows) for windows in torch.split(audio, rows)])

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Reseed torch, so that a step does not depend on the random numbers drawn before it.

        Dropout has no generator of its own. A resumed run gives the weights of an uninterrupted
        one, bit for bit. The seed is set in every batch because Lightning skips
        ``on_train_epoch_start`` when it resumes from a checkpoint written after validation.
        """
        torch.manual_seed(
            seed_for("train", self.seed, self.current_epoch, batch_idx, self.global_rank)
        )

    def on_validation_epoch_end(self) -> None:
        """Log ``valid_loss`` and the metrics of the task, computed over all tracks of the epoch."""
        scores = {f"valid_{name}": float(v) for name, v in self.valid_scores.compute().items()}
        # All processes must take the same decisions, such as to stop, to the last bit.
        self.log_dict(self.trainer.strategy.broadcast(scores))
        self.valid_scores.reset()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Build the optimizer and the schedule of the recipe."""
        steps = int(self.trainer.estimated_stepping_batches)
        learned = self.learned_parameters()
        return schedules.configure(learned, self.recipe, steps, self._resumed_epoch)

    def learned_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Return name and value of each parameter that the optimizer changes."""
        if self.stage is not None:
            return list(self.stage.learned_parameters(self))
        return [(name, p) for name, p in self.named_parameters() if p.requires_grad]

    def configure_callbacks(self) -> Sequence[pl.Callback]:
        """Return the callbacks that the recipe needs, which Lightning adds to the Trainer."""
        return schedules.callbacks(self.recipe)

    def on_fit_start(self) -> None:
        """Move the parents of the stage to the device of the model."""
        if self.stage is not None:
            self.stage.move_parents(self.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the layers of the stage apart from those of the model."""
        weights = checkpoint["state_dict"]
        names = [name for name in weights if name.startswith(_STAGE)]
        if names:
            checkpoint["stage"] = {name: weights.pop(name) for name in names}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the epoch, which decides the optimizer that the checkpoint holds."""
        self._resumed_epoch = int(checkpoint.get("epoch", 0))
        checkpoint["state_dict"] |= checkpoint.get("stage", {})
