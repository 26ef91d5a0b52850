"""The scattering view against the ScatNet toolbox, and its properties."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import soxr

from datamodules.common.seeding import rng_for
from datamodules.views.dsp.scattering_filters import paths
from datamodules.views.scattering import Scattering
from tests.support.formula import signal
from tests.support.paths import DATA

RATE = 22050
PLAIN, LOG = Scattering(), Scattering(renormalised=True, log=True)


@pytest.mark.parametrize(
    ("averaging", "counts"),
    [
        (8192, (76, 356)),
        (16384, (84, 435)),
        (20346, (86, 437)),
        (20347, (87, 438)),
        (22188, (87, 438)),
        (22189, (88, 439)),
        (32768, (92, 522)),
    ],
)
def test_number_of_paths_is_that_of_the_toolbox(averaging, counts):
    first, pairs = paths(averaging)
    assert (first, len(pairs)) == counts
    view = Scattering(averaging=averaging)
    assert len(set(view.columns)) == sum(counts)
    assert {len(column) for column in view.columns} == {len(view.column_levels)}


def test_coefficients_are_those_of_the_toolbox():
    golden = json.loads((DATA / "scatnet.json").read_text(encoding="utf-8"))
    audio = signal(65536, RATE)
    rows = PLAIN.compute(audio)
    assert rows.shape == (8, PLAIN.width) == (8, 525)
    assert PLAIN.seconds_per_row == pytest.approx(0.3715, abs=1e-4)
    for number, expected in golden["rows"].items():
        np.testing.assert_allclose(rows[int(number)], expected, rtol=1e-5)
    logarithm = LOG.compute(audio)[5]
    np.testing.assert_allclose(logarithm, golden["log_renormalised_row_5"], atol=1e-5)


def test_all_coefficients_of_a_real_clip_are_those_of_the_toolbox(shared_data):
    audio, rate = soundfile.read(
        shared_data / "audio" / "fma_000005.mp3", dtype="float32", always_2d=True
    )
    audio = soxr.resample(audio.mean(axis=1), rate, RATE, quality="HQ")[:65536]
    with np.load(shared_data / "golden" / "08_scatnet_frames.npz") as golden:
        expected, logarithms = golden["toolbox_fma_000005"], golden["toolbox_log_fma_000005"]
    np.testing.assert_allclose(PLAIN.compute(audio).T, expected, rtol=1e-5)
    np.testing.assert_allclose(LOG.compute(audio).T, logarithms, atol=1e-5)


@pytest.mark.parametrize("view", [PLAIN, LOG])
@pytest.mark.parametrize("samples", [1, 5000, 40000])
def test_silence_and_short_tracks_give_finite_rows(view, samples):
    noise = rng_for("noise").standard_normal(samples).astype(np.float32)
    for audio in (np.zeros(samples, np.float32), noise, 1e-20 * noise):
        rows = view.compute(audio)
        assert rows.shape == (1 + (samples - 1) // 8192, 525)
        assert rows.dtype == np.float32
        assert np.isfinite(rows).all()


def test_coefficients_of_noise_hold_most_of_its_energy_and_not_more():
    audio = rng_for("noise").standard_normal(65536).astype(np.float32)
    rows = PLAIN.compute(audio).astype(np.float64) / 2**6.5
    energy = (rows[1:-1] ** 2).sum(1).mean() / (audio.astype(np.float64) ** 2).mean()
    assert 0.5 < energy < 1.05


def test_coefficients_change_little_under_a_small_translation():
    audio = signal(65536 + 200, RATE)
    here, shifted = PLAIN.compute(audio[:65536]), PLAIN.compute(audio[200:])
    change = np.linalg.norm(here - shifted, axis=1)[1:-1] / np.linalg.norm(here, axis=1)[1:-1]
    assert change.max() < 0.03  # of 9 ms, where rows average over 1 s
    waveform = np.linalg.norm(audio[:65536] - audio[200:]) / np.linalg.norm(audio)
    assert waveform > 0.5


def test_blocks_of_a_long_track_join(monkeypatch):
    view = Scattering(averaging=1024)
    audio = np.tile(signal(32768, RATE), 3) * np.linspace(0.1, 1, 3 * 32768, dtype=np.float32)
    blocks = view.compute(audio)
    monkeypatch.setattr("datamodules.views.scattering._BLOCK", len(blocks))
    whole = view.compute(audio)
    assert blocks.shape == whole.shape == (192, view.width)
    assert 0 < (np.abs(blocks - whole) / whole.max(axis=0)).max() < 1e-3
