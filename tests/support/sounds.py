"""Signals with a known answer, and the measurements that read it back."""

from __future__ import annotations

import hashlib

import numpy as np

RATE = 16_000


def digest(audio: np.ndarray) -> str:
    return hashlib.sha256(audio.tobytes()).hexdigest()


def sine(hertz: float, seconds: float = 3.0, amplitude: float = 0.3) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def music(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """Decaying notes, soft and loud, over a drum on each beat."""
    rng = np.random.RandomState(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    audio = np.zeros_like(t)
    for start in np.arange(0.0, seconds, 0.25):
        local = np.clip(t - start, 0, None)
        on = (t >= start) * np.exp(-local / rng.uniform(0.05, 0.4)) * 10 ** rng.uniform(-2, 0)
        pitch = 110 * 2 ** (rng.randint(0, 36) / 12)
        audio += on * sum(np.sin(2 * np.pi * pitch * k * local) / k for k in (1, 2, 3))
        audio += 0.5 * (t >= start) * np.exp(-local / 0.02) * rng.standard_normal(t.shape)
    return (0.9 * audio / np.abs(audio).max()).astype(np.float32)


def frequency(audio: np.ndarray) -> float:
    """Return the frequency of a tone in Hz, from the middle of it; error below 0.01 cents."""
    middle = audio[len(audio) // 4 : -len(audio) // 4].astype(np.float64)
    size = 1 << 20
    spectrum = np.log(np.abs(np.fft.rfft(middle * np.blackman(len(middle)), size)) + 1e-30)
    k = int(spectrum.argmax())
    a, b, c = spectrum[k - 1 : k + 2]
    return (k + 0.5 * (a - c) / (a - 2 * b + c)) * RATE / size


def cents(got: float, wanted: float) -> float:
    return 1200 * float(np.log2(got / wanted))


def rms_db(audio: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(audio.astype(np.float64) ** 2)))


def crest_db(audio: np.ndarray) -> float:
    return 20 * float(np.log10(np.abs(audio).max())) - rms_db(audio)


def level_range_db(audio: np.ndarray, frame: int = 800) -> float:
    """Return P95 - P5 of the RMS of 50-ms frames."""
    frames = audio[: len(audio) // frame * frame].astype(np.float64).reshape(-1, frame)
    low, high = np.percentile(10 * np.log10((frames**2).mean(1) + 1e-12), [5, 95])
    return float(high - low)
