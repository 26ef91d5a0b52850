"""Base class of every architecture: hyper-parameters, input, outputs, losses.

Shapes: B windows in a batch, W windows of a batch of tracks, N tracks, C tags, T samples.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Required, Self, TypedDict, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.seeding import seed_for
from lightning_modules.inputs import InputSpec, windows_per_pass
from lightning_modules.layers.output_layer import find_output_layer, input_of
from lightning_modules.lifecycle import STAGE_LAYERS, Lifecycle, Task
from lightning_modules.training.recipe import Recipe
from lightning_modules.training.recipes import as_recipe
from lightning_modules.training.track_metrics import track_means

if TYPE_CHECKING:
    from datamodules.base import Batch
    from datamodules.corpus.track import Float32
    from datamodules.views.base import View


class BaseOptions(TypedDict, total=False):
    """Arguments that every architecture takes, and passes to ``TaggingModule`` as ``**base``."""

    n_tags: Required[int]
    task: Task
    recipe: Recipe | Mapping[str, Any] | None
    seed: int


class TaggingModule(Lifecycle):
    """An architecture that maps audio, or a view of it, to one logit per tag.

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
        view: View that the model sees in place of the samples; None for the samples.
        input_samples: Window length in samples, or in rows of the view.
        min_samples: Shortest input that ``forward`` accepts.
        max_samples: Longest input that ``forward`` accepts, None for no limit.
        built_on: Arguments that describe a parent of the same name: its class path and parameters.
        through_view: Arguments that determine the view alone, such as the path of a file. In ids,
            the identity of the view stands for them.
        default_stage: Import path of the stage that trains the model if its YAML names none.
        custom_aggregate: Whether the class overrides `aggregate`.
        tests_bags: Whether the model is tested twice: on the tracks of an album together, and on
            single tracks.
        predicts: Whether the model has an output for each tag. A frozen encoder has none: it gives
            embeddings only, and other models build on it.
        added: Names of parameters that ids contain only where they differ from their defaults, so
            that results from before they existed stay valid.
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
    view: View | None = None
    built_on: ClassVar[tuple[str, ...]] = ()
    through_view: ClassVar[tuple[str, ...]] = ()
    default_stage: ClassVar[str] = "lightning_modules.stages.supervised.Supervised"
    custom_aggregate: ClassVar[bool] = False
    tests_bags: ClassVar[bool] = False
    predicts: ClassVar[bool] = True
    added: ClassVar[frozenset[str]] = frozenset()
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
        if task not in get_args(Task):
            raise unknown_name("task", task, get_args(Task), type(self).__name__)
        if n_tags < 1 and self.predicts:
            raise TagbenchError(f"{type(self).__name__} needs n_tags >= 1, got {n_tags}.")
        super().__init__(as_recipe(recipe), task, seed)
        self.n_tags, self.task = n_tags, task
        # Includes the arguments of the subclass. Only plain types, so that
        # torch.load(weights_only=True) reads the checkpoint.
        self.save_hyperparameters(ignore="recipe")
        self.save_hyperparameters({"recipe": self.recipe.model_dump()})
        # Lightning leaves out an argument called frame, so no architecture may have one.
        own = {
            name: v for name, v in self.hparams.items() if name not in BaseOptions.__annotations__
        }
        spec = self.input_spec(**own)
        self.sample_rate, self.input_samples = spec.sample_rate, spec.window
        self.min_samples, self.max_samples = spec.min_samples, spec.max_samples
        self.view = spec.view

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return what the model sees of a track when it is built with ``params``.

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
        """Map audio (B, T), or rows (B, T, width) of ``view``, to logits (B, C)."""

    def check_length(self, inputs: Tensor) -> None:
        """Raise a `TagbenchError` if the layers cannot take windows (B, T, ...) of this length."""
        self._spec.check_length(inputs.shape[1], type(self).__name__)

    @property
    def _spec(self) -> InputSpec:
        lengths = (self.input_samples, self.min_samples, self.max_samples)
        return InputSpec(self.sample_rate, *lengths, self.view)

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
        layer = find_output_layer(self, self.n_tags, skipped=STAGE_LAYERS)
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

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers that `embed_layers` returns; the last one is that of `embed`."""
        return ("penultimate",)

    def embed_layers(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to an embedding (B, D) from each of `layer_names`.

        A class that has more layers to offer, such as an encoder with one output for each block,
        overrides it together with `layer_names`. Outputs over time are averaged over time.
        """
        return {self.layer_names[-1]: self.embed(audio)}

    @property
    def layer_widths(self) -> dict[str, int]:
        """Numbers of values in the embeddings that `embed_layers` returns, by `layer_names`."""
        if len(self.layer_names) == 1:
            return {self.layer_names[0]: self.classifier.in_features}
        training = self.training
        self.eval()  # as batch norms would change in training mode
        with torch.inference_mode():
            layers = self.embed_layers(torch.zeros(1, *self._spec.shape, device=self.device))
        self.train(training)
        return {name: layers[name].shape[1] for name in self.layer_names}

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

    def fit_features(self, features: Float32, targets: Float32) -> None:
        """Fit the model to features of the training tracks (N, width) and multi-hot targets (N, C).

        Raises:
            TagbenchError: The model is not one that is fitted to features.
        """
        raise TagbenchError(f"{type(self).__name__} cannot be fitted to features of tracks.")

    def supervised_loss(self, batch: Batch) -> Tensor:
        """Return the mean loss over the windows of a labelled batch."""
        logits = self.batch_logits(batch)  # (W, C)
        return self.losses(logits, batch["targets"][batch["track_index"]]).mean()

    def batch_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a batch."""
        logits: Tensor = self(batch_inputs(batch))
        return logits

    def evaluate_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss (N,) and the probabilities (N, C) of each track of a validation batch."""
        track_index, targets = batch["track_index"], batch["targets"]
        logits = self.valid_logits(batch)
        losses = self.losses(logits, targets[track_index])  # (W,)
        track_losses = track_means(losses[:, None], track_index, len(targets))[:, 0]
        return track_losses, track_means(self.probabilities(logits), track_index, len(targets))

    def valid_logits(self, batch: Batch) -> Tensor:
        """Return the logits (W, C) of a batch of any number of windows."""
        inputs = batch_inputs(batch)
        rows = windows_per_pass(inputs[0].numel())
        return torch.cat([self(windows) for windows in torch.split(inputs, rows)])

    def window_outputs(self, inputs: Tensor) -> Tensor:
        """Map windows (B, ...) to what is kept of each in evaluation (B, D).

        The default returns the probabilities, so that D is C. A class that overrides it overrides
        `aggregate` too.
        """
        return self.probabilities(self(inputs))

    def aggregate(self, outputs: Tensor, track_index: Tensor, n_tracks: int) -> Tensor:
        """Map the outputs of all windows of some tracks to the probabilities of each track (N, C).

        The default is the mean over the windows of a track. A class that overrides it sets
        ``custom_aggregate``, and is then called once with all windows of a data set.

        Args:
            outputs: Result of `window_outputs` for W windows (W, D).
            track_index: Track of each window, int64 (W,).
            n_tracks: Number of tracks, N.
        """
        return track_means(outputs, track_index, n_tracks)

    def track_arrays(
        self, outputs: Tensor, track_index: Tensor, n_tracks: int
    ) -> dict[str, Tensor]:
        """Return further results of each track (N, ...), which are stored with the predictions.

        Only a class with ``custom_aggregate`` has any. For the arguments, see `aggregate`.
        """
        return {}


def batch_inputs(batch: Batch) -> Tensor:
    """Return the windows of a batch: audio (W, T), or rows of a view (W, T, width)."""
    return batch["features"] if "features" in batch else batch["audio"]
