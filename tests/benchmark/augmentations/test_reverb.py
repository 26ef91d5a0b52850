"""The reverberator against stored output of sox, and against the physics of its filters."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from benchmark.augmentations.dsp.freeverb import Room, reverberate
from tests.support import sox_reverb
from tests.support.sounds import RATE, music

need_sox = pytest.mark.skipif(not shutil.which("sox"), reason="sox is not installed")


def test_equals_stored_output_of_sox():
    golden = json.loads(sox_reverb.GOLDEN.read_text(encoding="utf-8"))
    rooms = {tuple(room): samples for *room, samples in golden["samples"]}
    assert set(rooms) == set(sox_reverb.ROOMS)
    for room, samples in rooms.items():
        ours = reverberate(sox_reverb.probe(), sox_reverb.RATE, Room(*room))
        assert np.abs(ours[:: golden["every"]] - samples).max() < 2e-6  # stored with six decimals


@need_sox
@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_equals_sox(rate: int):
    audio = 0.3 * music(1.0)
    for room in sox_reverb.ROOMS:
        theirs = sox_reverb.run_sox(audio, rate, room)
        assert np.abs(reverberate(audio, rate, Room(*room)) - theirs).max() < 1e-6


def impulse_response(room: Room, seconds: float = 4.0) -> np.ndarray:
    impulse = np.zeros(int(seconds * RATE), np.float32)
    impulse[0] = 1.0
    return reverberate(impulse, RATE, room)


def test_the_first_echo_comes_after_the_shortest_delay():
    for room in (Room(50, 50, 100), Room(50, 50, 0)):
        response = impulse_response(room, 0.2)
        first = min(room.comb_delays(RATE) + room.comb_delays(RATE, 12))
        assert np.flatnonzero(response)[:2].tolist() == [0, first]
        assert response[0] == 1.0
        assert response[first] == pytest.approx(0.015 / 2)


def decay_time(response: np.ndarray, low: float, high: float) -> float:
    """Return the seconds per 60 dB in a band, from Schroeder's backward integral (-5 to -35 dB)."""
    sections = butter(4, (low, high), "bandpass", fs=RATE, output="sos")
    power = sosfiltfilt(sections, response.astype(np.float64)) ** 2
    level = 10 * np.log10(np.cumsum(power[::-1])[::-1] / power.sum() + 1e-30)
    part = (level < -5) & (level > -35)
    slope = np.polyfit(np.flatnonzero(part) / RATE, level[part], 1)[0]
    return -60.0 / slope


def expected_decay_times(room: Room, hertz: float) -> list[float]:
    """Return the seconds in which each comb filter loses 60 dB: one gain per round trip."""
    d = room.low_pass
    gain = room.feedback * (1 - d) / abs(1 - d * np.exp(-2j * math.pi * hertz / RATE))
    return [-3 * delay / RATE / math.log10(gain) for delay in room.comb_delays(RATE)]


@pytest.mark.parametrize("room", [Room(20, 0, 100), Room(60, 0, 100), Room(60, 100, 100)])
@pytest.mark.parametrize("hertz", [300, 5000])
def test_decay_time_follows_from_the_feedback(room: Room, hertz: int):
    response = impulse_response(room)
    response[0] = 0.0  # the dry sound
    measured = decay_time(response, 0.8 * hertz, 1.2 * hertz)
    expected = expected_decay_times(room, hertz)
    # The slowest filters dominate, and the band has some width.
    assert 0.9 * min(expected) < measured < 1.1 * max(expected)
