"""Audio files of the player: one track clean and perturbed, with a common gain."""

from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from benchmark.perturbations.measure.loudness import integrated_loudness
from datamodules.common.filesystem import replace_file

_FULL_SCALE = 0.98
_KEPT = 40  # files


def players(
    clean: NDArray[np.float32], perturbed: NDArray[np.float32], rate: int, scratch: Path
) -> dict[str, Any]:
    """Write both tracks as WAV files named by the digest of their content.

    Both get the same gain, which keeps the louder one below full scale, so that a change of level
    stays audible.

    Args:
        clean: Samples (T,).
        perturbed: Samples of any length.
        rate: Sample rate in Hz.
        scratch: Folder in which the folder ``audio`` is created.

    Returns:
        ``clean`` and ``perturbed`` with the digest, the length in seconds and the loudness in LUFS
        before the gain (None for silence); ``gain_db``, the gain.
    """
    folder = scratch / "audio"
    folder.mkdir(exist_ok=True)
    peak = max(float(np.abs(audio).max(initial=0.0)) for audio in (clean, perturbed))
    gain = min(1.0, _FULL_SCALE / peak) if peak > 0 else 1.0
    written = {
        name: _write(audio, gain, rate, folder)
        for name, audio in (("clean", clean), ("perturbed", perturbed))
    }
    _remove_oldest(folder)
    return {**written, "gain_db": round(20.0 * math.log10(gain), 2)}


def _write(audio: NDArray[np.float32], gain: float, rate: int, folder: Path) -> dict[str, Any]:
    buffer = io.BytesIO()
    sf.write(buffer, audio * np.float32(gain), rate, format="WAV", subtype="PCM_16")
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    replace_file(folder / f"{digest}.wav", content)
    loudness = integrated_loudness(audio.astype(np.float64), rate)
    return {
        "digest": digest,
        "seconds": len(audio) / rate,
        "lufs": round(loudness, 2) if math.isfinite(loudness) else None,
    }


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.wav"), key=lambda path: path.stat().st_mtime)
    for path in files[:-_KEPT]:
        path.unlink(missing_ok=True)
