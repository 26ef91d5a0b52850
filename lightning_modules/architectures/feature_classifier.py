"""`FeatureClassifier`: the base class of classifiers that scikit-learn fits to FMA features."""

from __future__ import annotations

import logging
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules import published_facts
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import seed_for
from datamodules.corpus.track import Float32
from datamodules.views.fma_features import ALL, FmaFeatures, FmaFeaturesTrueRate
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.fitted.base import FittedLayer
from lightning_modules.layers.fitted.one_vs_rest import OneVsRest

_SHUFFLE_SEED = 42  # of the published baselines
_ROWS_PER_PASS = 256  # bounds the distances from the training tracks: 51 MB for 25,000 tracks
_ABSENT = -1e4  # logit of a class without training tracks; its probability is 0


class ViewOptions(TypedDict, total=False):
    """Parameters of the view; see `FeatureClassifier`."""

    sample_rate: int
    true_rate: bool
    chroma_bins_per_octave: int
    whole_view: bool


class FeatureOptions(BaseOptions, ViewOptions, total=False):
    """Arguments that every classifier takes, and passes to `FeatureClassifier` as ``**base``."""

    sets: str
    standardise: bool


class FeatureClassifier(TaggingModule):
    """A classifier of the FMA baselines (Defferrard et al., 2017), evaluated by torch.

    Training rows are shuffled with the seed of the published baselines, and standardised. The
    arrays of the fitted estimator are stored as buffers, in float64 as in scikit-learn.

    The softmax of the logits is ``predict_proba``. ``SVC`` and ``LinearSVC`` have no probabilities;
    theirs is the softmax of the decision values, see `SupportVectors`. The most probable class is
    always the one that ``predict`` returns. For independent labels, one binary classifier is fitted
    for each, unless the estimator takes several.

    A subclass sets ``self.decision`` to `tensor_form` at the end of ``__init__``, and implements
    `estimator`.

    Args:
        sets: Features, separated by ``/``, or ``all``; see `FmaFeatures`. A feature that is named
            twice enters twice.
        sample_rate: Rate in Hz at which the features are computed.
        true_rate: Whether all features are computed with that rate; see `FmaFeaturesTrueRate`.
        chroma_bins_per_octave: See `FmaFeatures`.
        whole_view: Whether all features are computed and those of ``sets`` selected. Models of
            different sets then share one view, which is computed once. Otherwise only those of
            ``sets`` are computed.
        standardise: Whether features are scaled to zero mean and unit variance over the training
            tracks.
        **base: See ``TaggingModule``.

    Attributes:
        takes_labels: Whether the estimator takes independent labels itself.
    """

    default_stage: ClassVar[str] = "lightning_modules.stages.feature_fit.FeatureFit"
    takes_labels: ClassVar[bool] = False
    paper: ClassVar[str] = "Defferrard et al., ISMIR 2017"
    bibtex: ClassVar[str] = published_facts.bibtex("defferrard2017fma")

    decision: FittedLayer | OneVsRest
    column: Tensor  # selected columns of the view, int64 (F,)
    mean: Tensor  # (F,)
    scale: Tensor  # (F,)
    present: Tensor  # whether a class has training tracks, bool (C,)

    def __init__(
        self,
        *,
        sets: str = ALL,
        sample_rate: int = 44100,
        true_rate: bool = False,
        chroma_bins_per_octave: int = 36,
        whole_view: bool = True,
        standardise: bool = True,
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        self.sets, self.standardise = sets, standardise
        columns = _columns(self.view, sets)
        self.register_buffer("column", torch.tensor(columns), persistent=False)
        self.register_buffer("mean", torch.zeros(len(columns), dtype=torch.float64))
        self.register_buffer("scale", torch.ones(len(columns), dtype=torch.float64))
        self.register_buffer("present", torch.ones(self.n_tags, dtype=torch.bool))

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return the view: one row of features for a track."""
        view_class = FmaFeaturesTrueRate if params.get("true_rate") else FmaFeatures
        rate = params.get("sample_rate", 44100)
        view = view_class(
            sample_rate=rate,
            sets=ALL if params.get("whole_view", True) else params.get("sets", ALL),
            chroma_bins_per_octave=params.get("chroma_bins_per_octave", 36),
        )
        return InputSpec(rate, window=1, min_samples=1, max_samples=1, view=view)

    @abstractmethod
    def estimator(self) -> Any:
        """Return the unfitted scikit-learn classifier."""

    @property
    def random_state(self) -> int:
        """Seed of the estimator, which depends on the seed of the model."""
        return seed_for("estimator", self.seed) % 2**32

    def tensor_form(self, build: Callable[..., FittedLayer]) -> FittedLayer | OneVsRest:
        """Return the unfitted layer for the task.

        Args:
            build: Builds the layer of one estimator. That of an estimator that takes independent
                labels accepts ``multilabel``.
        """
        if self.task == "singlelabel":
            return build()
        if self.takes_labels:
            return build(multilabel=True)
        return OneVsRest([build() for _ in range(self.n_tags)])

    def forward(self, rows: Tensor) -> Tensor:
        """Map features (B, 1, width) to logits (B, C); to zeros before the model is fitted."""
        if not self.decision.fitted:
            return rows.new_zeros(len(rows), self.n_tags)
        return torch.cat([self._logits(part) for part in torch.split(rows, _ROWS_PER_PASS)])

    def embed(self, rows: Tensor) -> Tensor:
        """Map features (B, 1, width) to the input of the classifier (B, F)."""
        return self._standardised(rows).float()

    @property
    def layer_widths(self) -> dict[str, int]:
        """Number of selected features."""
        return {"penultimate": len(self.column)}

    def _standardised(self, rows: Tensor) -> Tensor:
        features = rows[:, :, self.column].to(self.mean.dtype).mean(1)  # (B, F)
        return (features - self.mean) / self.scale

    def _logits(self, rows: Tensor) -> Tensor:
        logits = self.decision(self._standardised(rows))
        if self.task == "multilabel":
            return logits.float()
        # Normalised in float64, so that the rounding to float32 is relative to the probabilities.
        classes = logits.new_full((len(rows), self.n_tags), _ABSENT)
        classes[:, self.present] = logits.log_softmax(1)
        return classes.float()

    def fit_features(self, features: Float32, targets: Float32) -> None:
        """Fit the classifier.

        Args:
            features: The view of each training track (N, width).
            targets: Their multi-hot labels (N, C).

        Raises:
            TagbenchError: scikit-learn cannot fit the classifier to these tracks.
        """
        from sklearn.preprocessing import StandardScaler
        from sklearn.utils import shuffle

        selected = features[:, self.column.cpu().numpy()].astype(np.float64)
        selected, labels = shuffle(selected, targets > 0, random_state=_SHUFFLE_SEED)
        if self.standardise:
            scaler = StandardScaler().fit(selected)
            selected = scaler.transform(selected)
            self.mean.copy_(torch.from_numpy(scaler.mean_))
            self.scale.copy_(torch.from_numpy(scaler.scale_))
        with _explained(type(self).__name__, selected):
            self._fit(selected, labels.astype(np.int64))

    def _fit(self, features: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        if isinstance(self.decision, OneVsRest):
            self.decision.fit(self.estimator, features, labels)
        elif self.task == "multilabel":
            self.decision.load_fitted(self.estimator().fit(features, labels))
        else:
            classes = labels.argmax(1)
            if classes.min() == classes.max():
                raise ValueError("all of them have the same class")
            self.present.copy_(torch.from_numpy(np.isin(np.arange(self.n_tags), classes)))
            self.decision.load_fitted(self.estimator().fit(features, classes))


def _columns(view: Any, sets: str) -> list[int]:
    """Return the columns of a view that ``sets`` names, in its order."""
    features = [column[0] for column in view.columns]
    return [
        number
        for part in sets.split("/")
        for feature in FmaFeatures(sets=part).features
        for number, name in enumerate(features)
        if name == feature
    ]


@contextmanager
def _explained(name: str, features: NDArray[np.float64]) -> Iterator[None]:
    """Convert an error of scikit-learn to a `TagbenchError`, and log its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except (ValueError, np.linalg.LinAlgError) as error:
            raise TagbenchError(
                f"{name} cannot be fitted to {len(features)} training tracks with "
                f"{features.shape[1]} features: {error}"
            ) from error
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        logging.getLogger(__name__).warning("%s: %s", name, " ".join(text.split()))
