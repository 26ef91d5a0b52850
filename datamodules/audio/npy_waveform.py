"""Waveforms stored as ``.npy`` arrays, one for each track, as in Won et al. (2020).

Decoding processes import this module.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from datamodules.audio.block_decoder import Float32
from datamodules.audio.errors import AudioError, unreadable
from datamodules.audio.sample_check import check_samples
from datamodules.audio.sources import FileSource

SUFFIX = ".npy"
RATE = 16000  # of the reference implementation, in Hz; an array does not state its own rate
_INT16_SCALE = np.float32(1 / 32768)


@dataclass(frozen=True)
class NpySource(FileSource):
    """An array of samples: float32, float64 or int16 of shape ``(T,)``, ``(1, T)`` or ``(T, 1)``.

    Attributes:
        rate: Sample rate in Hz, which the file does not state.
    """

    rate: int = RATE

    def sha256(self) -> str:
        """Return the SHA-256 digest of the bytes, and of the rate if it is not the default."""
        digest = super().sha256()
        if self.rate == RATE:
            return digest
        return hashlib.sha256(f"{digest} at {self.rate} Hz".encode()).hexdigest()

    def read(self, sample_rate: int) -> Float32:
        """Return the samples as float32 of shape ``(T,)`` at ``sample_rate`` Hz."""
        audio = _mono(self._array(), self.label)
        if self.rate != sample_rate and len(audio):
            audio = soxr.resample(audio, self.rate, sample_rate)
        if not len(audio):
            raise AudioError("no samples: the array is empty", self.label)
        check_samples(audio, sample_rate, self.label)
        return audio

    def seconds(self) -> float | None:
        """Return the length that the header of the array states."""
        try:
            return float(self._array().size) / self.rate
        except AudioError:
            return None

    def _array(self) -> npt.NDArray[Any]:
        try:
            array = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except OSError as error:
            raise unreadable(error, self.label) from None
        except (ValueError, EOFError) as error:
            raise AudioError(array_fault(error), self.label) from None
        if not isinstance(array, np.ndarray):
            raise AudioError("an archive of arrays, not one array of samples", self.label)
        return array


def source_of(path: Path, label: str, rate: int = RATE) -> FileSource:
    """Return the source of a file: an array if its suffix is ``.npy``, else an audio file."""
    if path.suffix.lower() == SUFFIX:
        return NpySource(path, label, rate)
    return FileSource(path, label)


def beside(path: str) -> str:
    """Return the path of the array in place of an audio file: ``a/b.npy`` for ``a/b.mp3``."""
    return str(PurePosixPath(path).with_suffix(SUFFIX))


def array_fault(error: Exception) -> str:
    """Return the reason why NumPy could not load an array."""
    if "object" in str(error).lower():
        return (
            "no NumPy array of numbers: it holds something else, or pickled Python objects, which "
            "are never loaded. Save it again as float32, without pickle"
        )
    return f"not a whole NumPy array ({error})"


def _mono(array: npt.NDArray[Any], label: str) -> Float32:
    """Return the samples in memory, as float32 of shape (T,)."""
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.ndim != 1:
        raise AudioError(f"an array of shape {array.shape}: expected mono audio, (T,)", label)
    if array.dtype == np.int16:
        return array.astype(np.float32) * _INT16_SCALE
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        raise AudioError(f"{array.dtype} samples: expected float32, float64 or int16", label)
    with np.errstate(over="ignore"):  # overflow gives infinity, which is refused later
        return np.array(array, dtype=np.float32)
