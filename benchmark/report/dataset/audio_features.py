"""Spectral features of clips, computed in parallel on prepared audio.

The worker processes import this file, so it must import neither torch nor pandas.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from datamodules.common.errors import TagbenchError
from datamodules.common.progress import Progress
from datamodules.common.seeding import seed_for
from datamodules.corpus.corpus import Corpus

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

BANDS = 64
FLOOR = 1e-10  # least power, as in the front ends of models: -100 dB
_FRAME_SECONDS = 0.064
_BLOCK = 2048  # frames per block, which bounds the memory
_CHUNK = 4  # clips per task


@dataclass(frozen=True)
class ClipFeatures:
    """Features of N clips.

    Attributes:
        variance: Variance of the samples of each clip (N,), relative to full scale.
        spectrum: Mean power spectrum in dB (N, F).
        mel: Mean, then standard deviation over time, of each log-mel band in dB (N, 2 x BANDS).
    """

    variance: Float64
    spectrum: Float64
    mel: Float64


def sample_rows(corpus: Corpus, most: int) -> npt.NDArray[np.int64]:
    """Draw clips at random by their names, so that a larger sample contains the smaller.

    Args:
        corpus: Corpus to draw from.
        most: Greatest number of clips.

    Returns:
        Row indices in the order in which they were drawn.
    """
    drawn = np.array([seed_for("describe", str(name)) for name in corpus.track_ids])
    return np.argsort(drawn, kind="stable")[:most]


def frame_length(sample_rate: int) -> int:
    """Return the power of two that is nearest to 64 ms."""
    return int(2 ** round(np.log2(_FRAME_SECONDS * sample_rate)))


def frequencies(sample_rate: int) -> Float64:
    """Return the frequencies of a spectrum in Hz (F,)."""
    return np.fft.rfftfreq(frame_length(sample_rate), 1 / sample_rate).astype(np.float64)


def mel_triangles(sample_rate: int, n_fft: int, bands: int = BANDS) -> Float64:
    """Return mel filters (bands, 1 + n_fft // 2): HTK scale, peak 1, 0 Hz to Nyquist.

    The scale and shape of the front ends of the models (Won et al. 2020).
    """
    top = 2595.0 * np.log10(1.0 + sample_rate / 2 / 700.0)
    corners = 700.0 * (10.0 ** (np.linspace(0.0, top, bands + 2) / 2595.0) - 1.0)
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    hertz = np.fft.rfftfreq(n_fft, 1 / sample_rate)[None]
    rising, falling = (hertz - low) / (centre - low), (high - hertz) / (high - centre)
    triangles: Float64 = np.maximum(0.0, np.minimum(rising, falling))
    return triangles


@cache
def _filters(sample_rate: int) -> tuple[Float64, Any]:
    """Return window and mel filters; sparse, since BLAS may round differently by thread count."""
    n_fft = frame_length(sample_rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)  # Hann, periodic
    return window / np.sqrt((window**2).sum()), sparse.csr_array(mel_triangles(sample_rate, n_fft))


def measure(audio: Float32, sample_rate: int) -> tuple[float, Float64, Float64]:
    """Return variance, mean power spectrum in dB (F,) and log-mel statistics (2 x BANDS,).

    Args:
        audio: A whole clip (T,); one shorter than a frame is padded with silence.
        sample_rate: Sample rate in Hz.
    """
    window, mel = _filters(sample_rate)
    size = len(window)
    samples = np.pad(audio, (0, max(0, size - len(audio))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    spectrum = np.zeros(size // 2 + 1)
    total, squares = np.zeros(mel.shape[0]), np.zeros(mel.shape[0])
    for start in range(0, len(frames), _BLOCK):
        power = np.abs(np.fft.rfft(frames[start : start + _BLOCK] * window)) ** 2  # (frames, F)
        spectrum += power.sum(axis=0)
        bands = _decibels(mel @ power.T)  # (BANDS, frames)
        total += bands.sum(axis=1)
        squares += (bands**2).sum(axis=1)
    mean = total / len(frames)
    deviation = np.sqrt(np.maximum(0.0, squares / len(frames) - mean**2))
    variance = float(np.var(audio, dtype=np.float64))
    return variance, _decibels(spectrum / len(frames)), np.concatenate([mean, deviation])


def timbre(mel: Float64) -> Float64:
    """Remove the loudness from log-mel statistics (N, 2 x BANDS): the mean over bands is zero."""
    mean, deviation = mel[:, :BANDS], mel[:, BANDS:]
    return np.hstack([mean - mean.mean(axis=1, keepdims=True), deviation])


def _decibels(power: Float64) -> Float64:
    decibels: Float64 = 10.0 * np.log10(np.maximum(power, FLOOR))
    return decibels


def measure_all(
    corpus: Corpus, rows: Iterable[int], workers: int, progress: Progress
) -> ClipFeatures:
    """Compute the features of clips of a corpus.

    Args:
        corpus: A prepared corpus.
        rows: Row indices of N clips.
        workers: Processes; 1 runs in this one. The features do not depend on it.
        progress: Receives every clip.

    Raises:
        TagbenchError: A worker process exited unexpectedly.
    """
    clips, wanted = [], [int(row) for row in rows]
    progress.start(len(wanted))
    try:
        for features in _measured(corpus, wanted, workers):
            clips.append(features)
            progress.advance()
    except BrokenProcessPool as error:
        raise TagbenchError(
            "A worker process that measures audio exited unexpectedly. If memory was short, run "
            "`tagbench describe` again with fewer processes: --workers 1."
        ) from error
    finally:
        progress.finish()
    variance, spectrum, mel = zip(*clips, strict=True)
    return ClipFeatures(np.array(variance), np.stack(spectrum), np.stack(mel))


def _measured(
    corpus: Corpus, rows: list[int], workers: int
) -> Iterator[tuple[float, Float64, Float64]]:
    if workers <= 1:
        yield from (measure(corpus.audio(row), corpus.sample_rate) for row in rows)
        return
    context = multiprocessing.get_context("spawn")  # forking a process with threads may deadlock
    tasks = [(corpus.root, rows[at : at + _CHUNK]) for at in range(0, len(rows), _CHUNK)]
    with ProcessPoolExecutor(min(workers, max(1, len(tasks))), mp_context=context) as pool:
        for measured in pool.map(_measure_part, tasks):
            yield from measured


def _measure_part(task: tuple[Path, Iterable[int]]) -> list[tuple[float, Float64, Float64]]:
    root, rows = task
    corpus = _opened(root)
    return [measure(corpus.audio(row), corpus.sample_rate) for row in rows]


@cache
def _opened(root: Path) -> Corpus:
    return Corpus.open(root)
