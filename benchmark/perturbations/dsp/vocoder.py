"""Pitch shift and time stretch of librosa 0.7.2, which Won et al. 2020 used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FRAME = 2048


def stretch(audio: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
    """Change the tempo by the factor ``rate`` with a phase vocoder.

    Since 0.10, ``librosa.effects.time_stretch`` pads with zeros; 0.7.2 reflected the ends.

    Args:
        audio: Mono, shape ``(samples,)``; padded with silence where shorter than a frame.
        rate: Above 1 is faster.

    Returns:
        ``round(samples / rate)`` samples.
    """
    import librosa

    if audio.size == 0:
        return audio.copy()
    padded = np.pad(audio, (0, max(0, _FRAME - audio.size)))
    frames = librosa.stft(padded, n_fft=_FRAME, pad_mode="reflect")
    moved = librosa.phase_vocoder(frames, rate=rate)
    length = round(audio.size / rate)
    return np.asarray(librosa.istft(moved, dtype=np.float32, length=length))


def shift(audio: NDArray[np.float32], semitones: float) -> NDArray[np.float32]:
    """Shift the pitch: stretch, then resample to the original length.

    Args:
        audio: Mono, shape ``(samples,)``.
        semitones: Above 0 is up.

    Returns:
        As many samples as ``audio``. soxr_hq replaces kaiser_best, the resampler of librosa 0.7.2.
    """
    import librosa

    rate = 2.0 ** (-semitones / 12.0)
    resampled = librosa.resample(
        stretch(audio, rate), orig_sr=1.0 / rate, target_sr=1.0, res_type="soxr_hq"
    )
    return np.asarray(librosa.util.fix_length(resampled, size=audio.size))
