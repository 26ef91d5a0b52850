"""Audio that tests write: tones with a known frequency and level, and files broken on purpose."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf

from datamodules.audio.containers.mp3_repair import scan

Float32 = npt.NDArray[np.float32]


def tone(hz: float, seconds: float, rate: int, level: float = 0.5) -> Float32:
    """Return a sine of shape ``(T,)``."""
    times = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def noise(seconds: float, rate: int, seed: int = 0, level: float = 0.1) -> Float32:
    """Return white noise of shape ``(T,)``."""
    rng = np.random.RandomState(seed)
    return (level * rng.standard_normal(round(seconds * rate))).astype(np.float32)


def write(path: Path, audio: npt.ArrayLike, rate: int, **options: object) -> Path:
    """Write audio in the format that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, audio, rate, **options)
    return path


def amplitude(audio: Float32, hz: float, rate: int) -> float:
    """Return the amplitude of the component at ``hz``, away from the edges."""
    inner = audio[len(audio) // 10 : -len(audio) // 10].astype(np.float64)
    window = np.hanning(len(inner))
    phase = np.exp(-2j * np.pi * hz * np.arange(len(inner)) / rate)
    return float(2 * abs((inner * window * phase).sum()) / window.sum())


def snr_db(clean: Float32, noisy: Float32) -> float:
    """Return the signal-to-noise ratio in dB, where ``noisy - clean`` is the noise."""
    error = noisy.astype(np.float64) - clean
    return float(10 * np.log10(np.square(clean, dtype=np.float64).sum() / np.square(error).sum()))


def peak_hz(audio: Float32, rate: int) -> float:
    """Return the frequency of the strongest component, interpolated."""
    spectrum = np.log(np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) + 1e-12)
    at = int(spectrum.argmax())
    left, middle, right = spectrum[at - 1 : at + 2]
    shift = 0.5 * (left - right) / (left - 2 * middle + right)
    return float((at + shift) * rate / len(audio))


def mp3_frames(audio: Float32, rate: int, level: float) -> bytes:
    """Return the bare frames of a constant-rate MP3, without the one that counts them."""
    buffer = io.BytesIO()
    with sf.SoundFile(
        buffer, "w", rate, 1, format="MP3", subtype="MPEG_LAYER_III",
        compression_level=level, bitrate_mode="CONSTANT",
    ) as file:  # fmt: skip
        file.write(audio)
    data = buffer.getvalue()
    (stream,) = scan(data)
    assert stream.count is not None
    first = data.find(data[:2], 4)
    return data[first:]
