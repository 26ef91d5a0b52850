"""The features of the FMA dataset: golden values, columns, sets, silence, short tracks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile

from benchmark.speed.views.fma_features import librosa_features
from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Float32
from datamodules.views.fma_features import ROWS, TABLE_SETS, FmaFeatures, FmaFeaturesTrueRate
from tests.support.formula import hashed
from tests.support.paths import DATA

RECORDED = DATA / "fma_features.json"
COLUMNS = FmaFeatures().columns


def melody(rate: int, seconds: float) -> Float32:
    """Return notes that decay, eight in a second, each with five partials, and a little noise."""
    n = np.arange(round(rate * seconds))
    note, t = np.divmod(n, rate // 8)
    semitones = np.floor(18 * hashed("melody", int(note[-1]) + 1))[note]
    phase = 2 * np.pi * 220 * 2 ** ((semitones + 0.2) / 12) * t / rate
    partials = sum(np.sin(k * phase) / k for k in range(1, 6))
    noise = hashed("noise", len(n))
    audio = 0.3 * partials * np.exp(-12 * t / rate) + 0.01 * noise
    return np.asarray(audio, np.float32)


def check(values: Float32, expected: np.ndarray) -> None:
    """Compare 518 values with those of librosa.

    Skewness and excess kurtosis that are close to 0 are differences of large terms, which SciPy
    sums in float32 there and the view sums in float64.
    """
    moments = np.array([column[1] in ("kurtosis", "skew") for column in COLUMNS])
    np.testing.assert_allclose(values[~moments], expected[~moments], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(values[moments], expected[moments], rtol=1e-4, atol=2e-4)


def test_values_equal_the_recorded_ones_of_librosa() -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    values = FmaFeatures(44100).compute(melody(44100, 3))
    assert values.shape == (1, 518)
    check(values[0], np.array(recorded["values"]))


@pytest.mark.parametrize("rate", [16000, 22050])
def test_values_equal_those_of_librosa_at_other_rates(rate: int) -> None:
    audio = melody(rate, 3)
    check(FmaFeatures(rate).compute(audio)[0], librosa_features(audio, rate))


@pytest.mark.parametrize("number", range(4))
def test_values_equal_the_reference_on_real_clips(shared_data: Path, number: int) -> None:
    path = shared_data / "golden" / "07_fma_features.json"
    golden = json.loads(path.read_text(encoding="utf-8"))
    columns = next(value for key, value in golden.items() if key.startswith("columns"))
    assert ["|".join(column) for column in COLUMNS] == columns
    name, clip = list(golden["clips"].items())[number]
    audio, rate = soundfile.read(shared_data / "audio" / name, dtype="float32", always_2d=True)
    values = FmaFeatures(rate).compute(audio.mean(axis=1))[0]
    check(values, np.array(clip["518 values"]))


def test_the_true_rate_is_passed_to_four_spectral_features_and_the_chroma_of_the_stft() -> None:
    audio = melody(44100, 2)
    sets = "chroma_stft/contrast/centroid/bandwidth/rolloff/mfcc"
    published, true_rate = FmaFeatures(44100, sets), FmaFeaturesTrueRate(44100, sets)
    spectrum = np.abs(librosa.stft(audio))
    expected: dict[str, Any] = {
        "chroma_stft": librosa.feature.chroma_stft(S=spectrum**2, sr=44100),
        "spectral_contrast": librosa.feature.spectral_contrast(S=spectrum, sr=44100),
        "spectral_centroid": librosa.feature.spectral_centroid(S=spectrum, sr=44100),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(S=spectrum, sr=44100),
        "spectral_rolloff": librosa.feature.spectral_rolloff(S=spectrum, sr=44100),
    }
    values = true_rate.compute(audio)[0]
    other = published.compute(audio)[0]
    for feature, rows in expected.items():
        means = [column[:2] == (feature, "mean") for column in true_rate.columns]
        np.testing.assert_allclose(values[means], rows.mean(axis=1), rtol=1e-4)
        assert not np.isclose(values[means], other[means], rtol=1e-3).all()
    mfcc = [column[0] == "mfcc" for column in true_rate.columns]
    np.testing.assert_array_equal(values[mfcc], other[mfcc])
    assert published.digest != true_rate.digest


def test_twelve_bins_are_folded_as_one_octave_as_in_the_published_table() -> None:
    audio = melody(22050, 2)
    view = FmaFeatures(22050, "chroma_cqt/chroma", chroma_bins_per_octave=12)
    constant_q = np.abs(librosa.cqt(audio, sr=22050, tuning=None))
    rows = {
        "chroma_cqt": librosa.feature.chroma_cqt(C=constant_q, bins_per_octave=12),
        "chroma_cens": librosa.feature.chroma_cens(C=constant_q, bins_per_octave=12),
    }
    values = view.compute(audio)[0]
    for feature, expected in rows.items():
        means = [column[:2] == (feature, "mean") for column in view.columns]
        np.testing.assert_allclose(values[means], expected.mean(axis=1), rtol=1e-4)
    with pytest.raises(TagbenchError, match="is 24, expected 12 or 36"):
        FmaFeatures(22050, chroma_bins_per_octave=24)


def test_a_set_of_features_equals_the_columns_of_the_whole() -> None:
    audio = melody(22050, 2)
    whole = dict(zip(COLUMNS, FmaFeatures(22050).compute(audio)[0], strict=True))
    widths = []
    for sets in TABLE_SETS.values():
        view = FmaFeatures(22050, sets)
        values = view.compute(audio)
        assert values.shape == (1, view.width)
        assert [whole[column] for column in view.columns] == values[0].tolist()
        widths.append(view.width)
    assert widths == [84, 42, 140, 7, 7, 49, 7, 7, 7, 189, 196, 518]
    assert FmaFeatures(22050, "contrast/mfcc") == FmaFeatures(22050, "mfcc/spectral_contrast")
    assert FmaFeatures(22050, "/".join(ROWS)) == FmaFeatures(22050)


@pytest.mark.parametrize("samples", [1, 700, 2048, 44100])
def test_values_of_silence_and_of_short_tracks_are_finite(samples: int) -> None:
    silence = np.zeros(samples, np.float32)
    for view in (FmaFeatures(44100), FmaFeaturesTrueRate(44100)):
        for audio in (silence, silence + 0.5, melody(44100, 1)[:samples]):
            assert np.isfinite(view.compute(audio)).all()
    values = dict(zip(COLUMNS, FmaFeatures(44100).compute(silence)[0], strict=True))
    assert values["spectral_rolloff", "mean", "01"] == 0
    assert values["zcr", "skew", "01"] == 0
    assert values["zcr", "kurtosis", "01"] == -3


@pytest.mark.parametrize(
    ("cls", "rate", "sets", "message"),
    [
        (FmaFeatures, 44100, "mfcc/tempo", "Unknown feature 'tempo' in sets"),
        (FmaFeatures, 8000, "tonnetz", "tonnetz at 8500 Hz or above, not at 8000 Hz"),
        (FmaFeaturesTrueRate, 11025, "contrast", "spectral_contrast at 12801 Hz or above"),
    ],
)
def test_parameters_that_cannot_be_computed_are_rejected(
    cls: type[FmaFeatures], rate: int, sets: str, message: str
) -> None:
    with pytest.raises(TagbenchError, match=message):
        cls(rate, sets)
