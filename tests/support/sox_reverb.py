"""``sox reverb`` as oracle; ``python -m tests.support.sox_reverb`` stores reference outputs."""

from __future__ import annotations

import json
import subprocess

import numpy as np

from tests.support.paths import DATA

RATE = 8_000  # of what is stored, to keep it small
EVERY = 9  # of the samples, one is kept
GOLDEN = DATA / "sox_reverb.json"
ROOMS = ((50, 50, 100), (0, 0, 0), (99, 99, 99), (20, 80, 40))
"""Reverberance, damping and room scale in percent."""


def probe(rate: int = RATE) -> np.ndarray:
    """Return half a second: 50 ms of a sweep, then silence in which the room rings."""
    t = np.arange(rate // 2) / rate
    sweep = 0.3 * np.sin(2 * np.pi * (100 + 20_000 * t) * t)
    return np.where(t < 0.05, sweep, 0).astype(np.float32)


def run_sox(audio: np.ndarray, rate: int, room: tuple[int, int, int]) -> np.ndarray:
    """Return what ``sox reverb`` makes of mono audio."""
    pipe = ["-t", "f32", "-r", str(rate), "-c", "1", "-"]
    command = ["sox", "-q", "-D", *pipe, "-t", "f32", "-", "reverb", *map(str, room)]
    samples = audio.astype("<f4").tobytes()
    done = subprocess.run(command, input=samples, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4")


def _store() -> None:
    version = subprocess.run(["sox", "--version"], capture_output=True, text=True, check=True)
    golden = {
        "made_by": version.stdout.rpartition(": ")[2].strip(),
        "signal": f"tests.support.sox_reverb.probe at {RATE} Hz, mono, 32-bit float",
        "every": EVERY,
        "samples": [
            [*room, [round(float(x), 6) for x in run_sox(probe(), RATE, room)[::EVERY]]]
            for room in ROOMS
        ],
    }
    GOLDEN.write_text(json.dumps(golden, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _store()
