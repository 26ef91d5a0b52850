"""The 518 features of the FMA dataset (Defferrard et al., ISMIR 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.track import Float32
from datamodules.views.base import View
from datamodules.views.dsp import constant_q, spectral_shape
from datamodules.views.dsp.statistics import NAMES, statistics

DEFAULT_RATE = 22050
"""Rate in Hz that librosa assumes where the original code passes none."""

ROWS: Mapping[str, int] = MappingProxyType(
    {
        "chroma_cens": 12,
        "chroma_cqt": 12,
        "chroma_stft": 12,
        "mfcc": 20,
        "rmse": 1,
        "spectral_bandwidth": 1,
        "spectral_centroid": 1,
        "spectral_contrast": 7,
        "spectral_rolloff": 1,
        "tonnetz": 6,
        "zcr": 1,
    }
)
"""Features and their numbers of rows, in the order of the table."""

ALL = "all"
_SHORT = {"chroma": "chroma_cens"} | {
    name: f"spectral_{name}" for name in ("bandwidth", "centroid", "contrast", "rolloff")
}

TABLE_SETS: Mapping[str, str] = MappingProxyType(
    {
        "1 Chroma": "chroma_stft",
        "2 Tonnetz": "tonnetz",
        "3 MFCC": "mfcc",
        "4 Spec. centroid": "spectral_centroid",
        "5 Spec. bandwidth": "spectral_bandwidth",
        "6 Spec. contrast": "spectral_contrast",
        "7 Spec. rolloff": "spectral_rolloff",
        "8 RMS energy": "rmse",
        "9 Zero-crossing rate": "zcr",
        "3 + 6": "mfcc/spectral_contrast",
        "3 + 6 + 4": "mfcc/spectral_centroid/spectral_contrast",
        "1 to 9": ALL,
    }
)
"""The twelve feature sets of the paper's table, by its row, as values of `FmaFeatures.sets`."""


@dataclass(frozen=True)
class FmaFeatures(View):
    """Seven statistics of eleven features of a track, as published with the FMA dataset.

    The values are those of the original code under librosa 0.11, including that the code passes no
    sample rate to four spectral features and to the chroma of the STFT, for which librosa assumes
    22,050 Hz. ``rmse`` is the root of the mean squared magnitude of the STFT, as librosa defined it
    then. The original code takes files at their own sample rate; most are at 44,100 Hz.

    A track that is shorter than one frame of 2,048 samples is extended by zeros to one frame. In
    silent frames chroma, centroid and bandwidth are 0. Skewness and excess kurtosis of a row that
    is constant are 0 and -3. The values are therefore finite for any track.

    Args:
        sample_rate: Rate in Hz of the audio that it takes; at least 8,500 for features of the
            constant-Q transform.
        sets: Features, separated by ``/``, such as ``mfcc/contrast``, or ``all``. ``chroma`` stands
            for ``chroma_cens``, and ``spectral_`` may be left out. Only these are computed. The
            order is of no meaning, and the field is stored in the order of the table.
        chroma_bins_per_octave: Bins of the constant-Q transform that are folded as one octave in
            ``chroma_cqt`` and ``chroma_cens``. The transform has 12. The original code passes no
            value; librosa 0.5, with which the published table was computed, took 12, and
            librosa 0.11 takes 36, which adds three neighbouring semitones to one class.

    Raises:
        TagbenchError: A feature is unknown, the sample rate is too low for one, or
            ``chroma_bins_per_octave`` is neither 12 nor 36.
    """

    name: ClassVar[str] = "fma_features"

    sample_rate: int = 44100
    sets: str = ALL
    chroma_bins_per_octave: int = 36

    def __post_init__(self) -> None:
        wanted = {_SHORT.get(part, part) for part in self.sets.split("/")}
        for part in sorted(wanted - {ALL} - ROWS.keys()):
            raise unknown_name("feature", part, (*ROWS, ALL), "sets")
        whole = ALL in wanted or wanted == ROWS.keys()
        object.__setattr__(self, "sets", ALL if whole else "/".join(sorted(wanted)))
        if self.chroma_bins_per_octave not in (12, 36):
            raise TagbenchError(
                f"chroma_bins_per_octave of the view {self.name!r} is "
                f"{self.chroma_bins_per_octave}, expected 12 or 36."
            )
        for feature in self.features:
            lowest = self._lowest_rate(feature)
            if self.sample_rate < lowest:
                raise TagbenchError(
                    f"The view {self.name!r} computes {feature} at {lowest} Hz or above, not at "
                    f"{self.sample_rate} Hz. Use a higher sample_rate, or leave the feature out "
                    "of sets."
                )

    @property
    def assumed_rate(self) -> int:
        """Rate in Hz for ``chroma_stft`` and the spectral features."""
        return DEFAULT_RATE

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features, in the order of the table."""
        return tuple(ROWS) if self.sets == ALL else tuple(self.sets.split("/"))

    @property
    def width(self) -> int:
        """Number of values: seven for each row of a feature."""
        return len(NAMES) * sum(ROWS[feature] for feature in self.features)

    @property
    def seconds_per_row(self) -> None:
        """None: one row describes the whole track."""
        return None

    @property
    def columns(self) -> tuple[tuple[str, ...], ...]:
        """Feature, statistic and number of each value, in the order of ``features.csv``."""
        return tuple(
            (feature, statistic, f"{number:02d}")
            for feature in self.features
            for statistic in NAMES
            for number in range(1, ROWS[feature] + 1)
        )

    @property
    def column_levels(self) -> tuple[str, ...]:
        """Names of the levels of `columns`, as in ``features.csv``."""
        return ("feature", "statistics", "number")

    def compute(self, audio: Float32) -> Float32:
        """Return the features of a track, shape ``(1, width)``.

        Args:
            audio: Samples (T,) at ``sample_rate``, at least one.
        """
        from datamodules.views.dsp.frame_features import FrameFeatures

        frames = FrameFeatures(
            audio, self.sample_rate, self.assumed_rate, self.chroma_bins_per_octave
        )
        values = [statistics(getattr(frames, feature)).ravel() for feature in self.features]
        return np.concatenate(values)[None].astype(np.float32)

    def _lowest_rate(self, feature: str) -> int:
        if feature in ("chroma_cens", "chroma_cqt", "tonnetz"):
            return constant_q.LOWEST_RATE
        return 1


@dataclass(frozen=True)
class FmaFeaturesTrueRate(FmaFeatures):
    """`FmaFeatures` with the sample rate of the audio passed to every feature.

    Centroid, bandwidth and roll-off differ from those of `FmaFeatures` by a factor, the ratio of
    the rates. ``chroma_stft`` and ``spectral_contrast`` differ in kind, because their bands lie at
    other frequencies.

    Args:
        sample_rate: Rate in Hz of the audio that it takes; above 12,800 for ``spectral_contrast``.
        sets: See `FmaFeatures`.
        chroma_bins_per_octave: See `FmaFeatures`.
    """

    name: ClassVar[str] = "fma_features_true_rate"

    @property
    def assumed_rate(self) -> int:
        """Rate in Hz for ``chroma_stft`` and the spectral features."""
        return self.sample_rate

    def _lowest_rate(self, feature: str) -> int:
        if feature == "spectral_contrast":
            return spectral_shape.LOWEST_RATE
        return super()._lowest_rate(feature)
