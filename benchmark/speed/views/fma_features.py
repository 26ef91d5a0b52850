"""Speed of the features of the FMA dataset, and agreement with the same formulas in librosa.

The reference is the sequence of librosa calls that the dataset's authors describe: one constant-Q
transform and one STFT for each track, a librosa function for each feature, and NumPy and SciPy for
each statistic. Reference and view run in turn on the same clip and are compared turn by turn in
CPU time, so that other load on the machine slows down both. Set ``OMP_NUM_THREADS=1`` to measure
one core, as in the processes that compute views.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import soundfile

from benchmark.speed.music import music
from datamodules.corpus.track import Float32
from datamodules.views.fma_features import FmaFeatures, FmaFeaturesTrueRate

RATE = 44100
SECONDS = 30.0


@dataclass(frozen=True)
class FeaturesRow:
    """One row of the table of speed.

    Attributes:
        clip: Name of the file.
        rate_hz: Sample rate in Hz.
        seconds: Length of the clip.
        librosa_ms: CPU time of the reference in milliseconds, median over the turns.
        ours_ms: CPU time of the view in milliseconds, median over the turns.
        ratio: Time of the view divided by that of the reference, median over the turns.
        outside: Number of the 518 values that differ by more than 1e-4 of their size.
        largest: Largest of these differences; 0 if there is none.
    """

    clip: str
    rate_hz: int
    seconds: float
    librosa_ms: float
    ours_ms: float
    ratio: float
    outside: int
    largest: float


@dataclass(frozen=True)
class RateRow:
    """One row of the table of differences between `FmaFeatures` and `FmaFeaturesTrueRate`.

    Attributes:
        feature: Name of the feature.
        clips: Number of clips at 44,100 Hz.
        mean_published: Mean over the clips and rows of the feature's mean, as published.
        mean_true_rate: The same with the sample rate passed.
        relative_difference: Mean over the clips and the values of the feature of |a - b| divided by
            the larger magnitude of a and b.
    """

    feature: str
    clips: int
    mean_published: float
    mean_true_rate: float
    relative_difference: float


def librosa_features(audio: Float32, sample_rate: int) -> npt.NDArray[np.float32]:
    """Return the 518 features by librosa, in the order of `FmaFeatures.columns`.

    Args:
        audio: Samples (T,), at least 2,048.
        sample_rate: Rate in Hz.
    """
    import librosa
    from librosa import feature

    values = {"zcr": feature.zero_crossing_rate(y=audio, frame_length=2048, hop_length=512)}
    constant_q = np.abs(
        librosa.cqt(
            audio, sr=sample_rate, hop_length=512, bins_per_octave=12, n_bins=84, tuning=None
        )
    )
    values["chroma_cqt"] = feature.chroma_cqt(C=constant_q, n_chroma=12, n_octaves=7)
    values["chroma_cens"] = feature.chroma_cens(C=constant_q, n_chroma=12, n_octaves=7)
    values["tonnetz"] = feature.tonnetz(chroma=values["chroma_cens"])
    spectrum = np.abs(librosa.stft(audio, n_fft=2048, hop_length=512))
    values["chroma_stft"] = feature.chroma_stft(S=spectrum**2, n_chroma=12)
    values["rmse"] = np.sqrt(np.mean(spectrum**2, axis=0, keepdims=True))
    values["spectral_centroid"] = feature.spectral_centroid(S=spectrum)
    values["spectral_bandwidth"] = feature.spectral_bandwidth(S=spectrum)
    values["spectral_contrast"] = feature.spectral_contrast(S=spectrum, n_bands=6)
    values["spectral_rolloff"] = feature.spectral_rolloff(S=spectrum)
    bands = feature.melspectrogram(sr=sample_rate, S=spectrum**2)
    values["mfcc"] = feature.mfcc(S=librosa.power_to_db(bands), n_mfcc=20)
    return np.concatenate([_statistics(values[name]) for name in sorted(values)])


def _statistics(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    from scipy import stats

    rows = [
        stats.kurtosis(values, axis=1), np.max(values, axis=1), np.mean(values, axis=1),
        np.median(values, axis=1), np.min(values, axis=1), stats.skew(values, axis=1),
        np.std(values, axis=1),
    ]  # fmt: skip
    return np.concatenate(rows).astype(np.float32)


def measure(
    folder: Path | None, clips: int, repeats: int, report: Callable[[str], object]
) -> tuple[list[FeaturesRow], list[RateRow]]:
    """Time the features of clips, and compare the values with and without the sample rate.

    Args:
        folder: Folder of audio files; None renders clips at 44,100 Hz.
        clips: Most clips to read.
        repeats: Turns.
        report: Receives a line for each clip.
    """
    import tempfile

    rows: list[FeaturesRow] = []
    published, true_rate = [], []
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in _files(folder, Path(scratch))[:clips]:
            audio, rate = _read(path)
            rows.append(_timed(path.name, audio, rate, repeats))
            report(f"{path.name}: {rows[-1].ratio:.2f} of the time of librosa")
            if rate == RATE:
                published.append(FmaFeatures(rate).compute(audio)[0])
                true_rate.append(FmaFeaturesTrueRate(rate).compute(audio)[0])
    return rows, _rates(published, true_rate)


def _files(folder: Path | None, scratch: Path) -> list[Path]:
    if folder is None:
        return music(None, scratch)
    return sorted(p for p in folder.iterdir() if p.suffix in (".mp3", ".ogg", ".flac", ".wav"))


def _read(path: Path) -> tuple[Float32, int]:
    """Return the mono audio of a file, repeated or cut to 30 seconds, and its rate in Hz."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.resize(audio.mean(axis=1), round(SECONDS * rate)), int(rate)


def _timed(name: str, audio: Float32, rate: int, repeats: int) -> FeaturesRow:
    view = FmaFeatures(rate)
    expected, values = librosa_features(audio, rate), view.compute(audio)[0]  # fills caches
    theirs, ours = [], []
    for _ in range(repeats):
        theirs.append(_seconds(lambda: librosa_features(audio, rate)))
        ours.append(_seconds(lambda: view.compute(audio)))
    known = np.isfinite(expected)
    difference = np.abs(values - expected)[known]
    relative = difference / np.maximum(np.abs(expected[known]), np.finfo(np.float32).tiny)
    outside = (relative > 1e-4) & (difference > 1e-7)
    return FeaturesRow(
        clip=name,
        rate_hz=rate,
        seconds=len(audio) / rate,
        librosa_ms=1e3 * median(theirs),
        ours_ms=1e3 * median(ours),
        ratio=median(our / their for our, their in zip(ours, theirs, strict=True)),
        outside=int(outside.sum()),
        largest=float(relative[outside].max(initial=0)),
    )


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _rates(published: Sequence[Float32], true_rate: Sequence[Float32]) -> list[RateRow]:
    if not published:
        return []
    view = FmaFeatures(RATE)
    a, b = np.stack(published).astype(np.float64), np.stack(true_rate).astype(np.float64)
    larger = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.finfo(np.float32).tiny)
    relative = np.abs(a - b) / larger
    rows = []
    for feature in view.features:
        here = np.array([column[0] == feature for column in view.columns])
        means = here & np.array([column[1] == "mean" for column in view.columns])
        rows.append(
            RateRow(
                feature, len(a), float(a[:, means].mean()), float(b[:, means].mean()),
                float(relative[:, here].mean()),
            )
        )  # fmt: skip
    return rows
