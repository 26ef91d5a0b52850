"""Limits of what headers and samples of audio files can be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soundfile as sf

from datamodules.audio.errors import AudioError

MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
_SAMPLES_PER_BYTE = 65536  # ten times that of silence in FLAC
_LEAST_BYTES_PER_S = 100  # a sixth of what speech codecs need
_LOUD = 16.0  # no audio exceeds full scale by 24 dB by accident
_MAX_PEAK = 2.0**32  # full scale of 32-bit integers that were stored as floating-point numbers
_GLITCH_RATIO = 1000.0  # peak to 99th percentile


def check_header(sound: sf.SoundFile, label: str) -> None:
    """Raise an `AudioError` if the sample rate cannot be that of audio."""
    if not MIN_RATE_HZ <= sound.samplerate <= MAX_RATE_HZ:
        raise AudioError(
            f"implausible sample rate: the header states {sound.samplerate} Hz, expected "
            f"{MIN_RATE_HZ} to {MAX_RATE_HZ} Hz",
            label,
        )


def credible_length(frames: int, size: int) -> int:
    """Return a stated length, or 0 if it is unknown or impossible.

    Args:
        frames: Samples per channel that a header states.
        size: Size of the file in bytes.
    """
    return frames if 0 < frames <= size * _SAMPLES_PER_BYTE else 0


def credible_seconds(frames: int, rate: int, size: int) -> float | None:
    """Return a stated length in seconds, or None if it is unknown or unlikely.

    Args:
        frames: Samples per channel that a header states.
        rate: Sample rate in Hz.
        size: Size of the file in bytes.
    """
    seconds = frames / rate
    return seconds if 0 < seconds * _LEAST_BYTES_PER_S <= size else None


def check_samples(
    audio: npt.NDArray[np.float32], sample_rate: int, label: str, stored_peak: float = 0.0
) -> None:
    """Raise an `AudioError` if samples of a track are not finite or absurdly large.

    A large sample is an error if it exceeds nearly all others by 60 dB: the track would be stored
    relative to its peak, and everything else in it would be lost. Recordings whose full scale is
    that of integers are accepted.

    Args:
        audio: Shape ``(T,)``, ``T >= 1``.
        sample_rate: Sample rate in Hz.
        label: Name of the track.
        stored_peak: Largest magnitude before resampling and averaging of channels, if it is known.
    """
    peak = max(float(audio.max()), -float(audio.min()))
    if peak <= _LOUD:
        return
    magnitudes = np.abs(audio)
    if not np.isfinite(peak):
        at = int(np.argmin(np.isfinite(audio)))
        raise AudioError(
            f"samples that are not finite, the first near {at / sample_rate:.1f} s. The file was "
            "probably damaged: export it again",
            label,
        )
    at = int(magnitudes.argmax())
    if peak > _MAX_PEAK or peak > _GLITCH_RATIO * np.percentile(magnitudes, 99):
        raise AudioError(
            f"a sample of magnitude {stored_peak or peak:.3g} at {at / sample_rate:.2f} s, where "
            "full scale is 1. The file was probably damaged: export it again",
            label,
        )
