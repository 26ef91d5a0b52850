"""Windows of a track: random in training, at fixed positions in evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.seeding import seed_for

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

Protocol = Literal["tiled", "won2020", "clmr", "musicnn", "retrieval"]
PROTOCOLS: tuple[str, ...] = get_args(Protocol)
"""Names of the rules that select the windows of a track."""

_EVENLY_SPACED = {"won2020": 16, "retrieval": 8}
_HALF_FRAME = 256  # of the spectrogram of musicnn


@dataclass(frozen=True)
class Windowing:
    """Rule that selects the windows of a track in evaluation.

    Attributes:
        protocol: ``"tiled"``: consecutive windows without overlap, and a last window that ends at
            the end of the track. ``"won2020"``: 16 windows with a hop of
            ``(samples - window) // 16`` samples (Won et al., "Evaluation of CNN-based automatic
            music tagging models", 2020). ``"clmr"``: consecutive windows without overlap, without
            the last one, even if it is complete, and at least one (the evaluation of Spijkervet and
            Burgoyne, "Contrastive learning of musical representations", 2021). ``"musicnn"``: the
            windows whose spectrograms are consecutive parts of that of the track, without an
            incomplete one at the end (Pons and Serra, "musicnn", 2019). Frames are centred at
            multiples of 256 samples and reach 256 samples to either side, so that windows overlap
            by 256 samples, and the first begins 256 samples before the track.
        max_windows: Largest number of windows, which are evenly spaced among those of the
            protocol; None keeps all.

    Raises:
        TagbenchError: If the protocol is unknown or ``max_windows`` is below 1.
    """

    protocol: Protocol = "tiled"
    max_windows: int | None = None

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise unknown_name("windowing protocol", self.protocol, PROTOCOLS)
        if self.max_windows is not None and self.max_windows < 1:
            raise TagbenchError(f"max_windows must be at least 1, got {self.max_windows}.")


def window_starts(samples: int, window: int, windowing: Windowing) -> Int64:
    """Return the first sample of each window of a track.

    A track shorter than a window has one window, because `cut` repeats the track to that length.
    ``max_windows=1`` selects the middle window.

    Args:
        samples: Length of the track in samples.
        window: Length of a window in samples.
        windowing: Rule that selects the windows.

    Returns:
        int64 of shape ``(W,)`` in ascending order, with ``W >= 1``.

    Raises:
        TagbenchError: If a length is below 1.
    """
    _check_lengths(samples, window)
    room = max(samples - window, 0)
    if windowing.protocol in _EVENLY_SPACED:
        count = _EVENLY_SPACED[windowing.protocol]
        starts = np.arange(count, dtype=np.int64) * (room // count)
    elif windowing.protocol == "clmr":
        starts = np.arange(max(1, -(-samples // window) - 1), dtype=np.int64) * window
    elif windowing.protocol == "musicnn" and window > _HALF_FRAME:
        starts = musicnn_starts(samples, window)
    else:
        starts = np.arange(0, room + 1, window, dtype=np.int64)
        if starts[-1] != room:
            starts = np.append(starts, np.int64(room))
    limit = windowing.max_windows
    if limit is None or limit >= len(starts):
        return starts
    last = len(starts) - 1
    spread = np.linspace(0, last, limit) if limit > 1 else np.array([last / 2])
    return starts[np.rint(spread).astype(np.int64)]


def musicnn_starts(samples: int, window: int, hop: int | None = None) -> Int64:
    """Return the first sample of each window of the protocol ``musicnn``, at any distance.

    Args:
        samples: Length of the track in samples.
        window: Length of a window in samples.
        hop: Distance between windows in samples; by default their frames are consecutive.
    """
    room = max(samples + 2 * _HALF_FRAME - window, 0)
    starts = np.arange(0, room + 1, hop or window - _HALF_FRAME, dtype=np.int64)
    return starts - _HALF_FRAME


def cut(audio: Float32, starts: npt.ArrayLike, window: int) -> Float32:
    """Copy windows from a track; a track shorter than a window is repeated to its length.

    Up to 256 samples beyond either end, which the protocol ``musicnn`` has, are zeros.

    Args:
        audio: Samples of shape ``(T,)``, or rows of a view of shape ``(T, width)``.
        starts: First sample of each window, of shape ``(W,)``.
        window: Length of a window in samples.

    Returns:
        float32 of shape ``(W, window)`` or ``(W, window, width)``.

    Raises:
        TagbenchError: If a length is below 1 or a window is not within the track.
    """
    _check_lengths(len(audio), window)
    firsts = np.asarray(starts, dtype=np.int64)
    if len(audio) < window:
        audio = np.resize(audio, (window, *audio.shape[1:]))
    most = _HALF_FRAME if window > _HALF_FRAME else 0
    if len(firsts) and (firsts.min() < -most or firsts.max() + window > len(audio) + most):
        raise TagbenchError(
            f"Windows of {window} samples at {firsts.min()} to {firsts.max()} do not fit into a "
            f"track of {len(audio)} samples."
        )
    out = np.zeros((len(firsts), window, *audio.shape[1:]), dtype=np.float32)
    for row, first in enumerate(firsts):
        begin = max(first, 0)
        piece = audio[begin : first + window]
        out[row, begin - first : begin - first + len(piece)] = piece
    return out


def train_start(
    samples: int, window: int, seed: int, epoch: int, track_id: str, number: int = 0
) -> int:
    """Return the first sample of the training window of a track in an epoch.

    The position is uniformly distributed. It depends on the arguments only, and not on the order of
    the tracks or the number of loading processes.

    Args:
        samples: Length of the track in samples.
        window: Length of a window in samples.
        seed: Seed of the training.
        epoch: Number of the epoch, from 0.
        track_id: Id of the track.
        number: Number of the window among several of this track in this epoch.

    Raises:
        TagbenchError: If a length is below 1.
    """
    _check_lengths(samples, window)
    room = max(samples - window, 0)
    # The first window has the key that it had when there was only one.
    more = (number,) if number else ()
    return seed_for("train window", seed, epoch, track_id, *more) % (room + 1)


def _check_lengths(samples: int, window: int) -> None:
    if samples < 1 or window < 1:
        raise TagbenchError(
            f"A track of {samples} samples cannot be cut into windows of {window}: "
            "both lengths must be at least 1."
        )
