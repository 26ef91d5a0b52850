"""Measuring the FMA features compares times, values, and the two sample rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

from benchmark.speed.__main__ import app
from benchmark.speed.views import fma_features


def test_times_values_and_sample_rates_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fma_features, "SECONDS", 1.0)
    sound = np.random.RandomState(0).standard_normal(44100) * np.hanning(44100) / 9
    soundfile.write(tmp_path / "noise.wav", sound, 44100)
    command = ["features", "--audio", str(tmp_path), "--repeats", "1", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    clip = pd.read_csv(tmp_path / "features.csv").iloc[0]
    assert clip["seconds"] == 1
    assert clip["ratio"] == pytest.approx(clip["ours_ms"] / clip["librosa_ms"], rel=1e-4)
    rates = pd.read_csv(tmp_path / "features_true_rate.csv", index_col="feature")
    changed = rates["relative_difference"] > 0
    assert set(rates.index[changed]) == {
        "chroma_stft", "spectral_bandwidth", "spectral_centroid", "spectral_contrast",
        "spectral_rolloff",
    }  # fmt: skip
    # five of the seven statistics of the centroid double, and skewness and kurtosis stay
    assert rates["relative_difference"]["spectral_centroid"] == pytest.approx(0.5 * 5 / 7, rel=1e-4)
