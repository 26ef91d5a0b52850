"""sox and ffmpeg as oracles; ``python -m tests.support.sox`` stores reference outputs."""

from __future__ import annotations

import json
import subprocess
from io import BytesIO

import numpy as np
import soundfile

from benchmark.perturbations.dsp.compander import PRESETS, Compander
from tests.support.paths import DATA

RATE = 8_000  # of what is stored, to keep it small
EVERY = 5  # of 10-ms frames, one is kept
GOLDEN = DATA / "sox_compand.json"


def probe(rate: int = RATE) -> np.ndarray:
    """Return 7 s of a tone that rises from -80 to 0 dB, falls again, and flickers meanwhile.

    The first seconds are quiet: a follower that starts at full scale needs them to come down.
    """
    t = np.arange(7 * rate) / rate
    level = np.interp(t, [0, 3, 5, 7], [-80, -80, 0, -100]) - 4 * np.sin(2 * np.pi * 7 * t) ** 2
    return (10 ** (level / 20) * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def frame_levels(audio: np.ndarray, rate: int) -> np.ndarray:
    """Return the RMS of each 10-ms frame in dB re full scale."""
    frame = rate // 100
    frames = audio[: len(audio) // frame * frame].astype(np.float64).reshape(-1, frame)
    return 10 * np.log10((frames**2).mean(1) + 1e-30)


def _text(points: tuple[tuple[float, float], ...], within: str, between: str) -> str:
    return between.join(f"{a:g}{within}{b:g}" for a, b in points)


def arguments(settings: Compander) -> list[str]:
    """Return the arguments of ``sox compand``."""
    numbers = (settings.gain_db, settings.initial_db, settings.delay)
    return [
        f"{settings.attack:g},{settings.decay:g}",
        _text(settings.points, ",", ","),
        *(f"{number:g}" for number in numbers),
    ]


def run_sox(audio: np.ndarray, rate: int, settings: Compander, *, sixteen: bool = False):
    """Return what ``sox compand`` makes of a WAV file of floats, or of 16 bits."""
    file = BytesIO()
    subtype = "PCM_16" if sixteen else "FLOAT"
    soundfile.write(file, audio, rate, format="WAV", subtype=subtype)
    encoding = [] if sixteen else ["-e", "float", "-b", "64"]
    effect = ["compand", *arguments(settings)]
    command = ["sox", "-q", "-t", "wav", "-", *encoding, "-t", "wav", "-", *effect]
    done = subprocess.run(command, input=file.getvalue(), capture_output=True, check=True)
    # sox cannot seek in a pipe and leaves the lengths in the header open: skip it.
    raw = done.stdout[done.stdout.index(b"data") + 8 :]
    return np.frombuffer(raw, "<i2") / 32768.0 if sixteen else np.frombuffer(raw, "<f8")


def run_ffmpeg(audio: np.ndarray, rate: int, settings: Compander) -> np.ndarray:
    """Return what ffmpeg's ``compand`` makes of it."""
    effect = (
        f"compand=attacks={settings.attack:g}:decays={settings.decay:g}"
        f":points={_text(settings.points, '/', '|')}:soft-knee=0.01:gain={settings.gain_db:g}"
        f":volume={settings.initial_db:g}:delay={settings.delay:g}"
    )
    pipe = ["-f", "f64le", "-ar", str(rate), "-ac", "1"]
    command = ["ffmpeg", "-v", "error", *pipe, "-i", "-", "-af", effect, *pipe, "-"]
    samples = audio.astype("<f8").tobytes()
    done = subprocess.run(command, input=samples, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f8")


def _levels(audio: np.ndarray) -> np.ndarray:
    return frame_levels(audio, RATE)[::EVERY]


def _store() -> None:
    version = subprocess.run(["sox", "--version"], capture_output=True, text=True, check=True)
    heard = {str(n): run_sox(probe(), RATE, settings) for n, settings in PRESETS.items()}
    golden = {
        "made_by": version.stdout.strip(),
        "signal": "tests.support.sox.probe at 8 kHz, 32-bit float",
        "every": EVERY,
        "levels_db": {n: _levels(y).round(4).tolist() for n, y in heard.items()},
    }
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _store()
