"""Batches cut from a corpus. Items are pure functions of their keys, so workers cannot matter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch.utils.data import Dataset, Sampler

from datamodules.common.seeding import rng_for
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.loaders.windowing import Windowing, cut, train_start, window_starts

Key = tuple[int, int]  # epoch, position in the split


class Batch(TypedDict):
    """What a loader yields. W windows belong to N tracks with C classes.

    In training each track gives one window: ``W == N`` and ``owner`` counts up. In evaluation a
    batch holds all windows of whole tracks.
    """

    audio: torch.Tensor  # float32 (W, window), at the rate of the model
    targets: torch.Tensor  # float32 (N, C), multi-hot
    track_ids: list[str]  # (N,)
    owner: torch.Tensor  # int64 (W,): the row of targets that a window belongs to


@dataclass(frozen=True)
class Cut:
    """Length of a window in samples, and the rate in Hz at which a model wants it."""

    window: int
    sample_rate: int


class _Clips:
    """Rows of one split, with what a worker needs of them and no more."""

    def __init__(self, corpus: Corpus, split: str, shape: Cut) -> None:
        self.corpus = corpus
        self.shape = shape
        self.rows: npt.NDArray[np.int64] = corpus.split(split).index.to_numpy(dtype=np.int64)
        self.targets = corpus.targets(split)

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, positions: Sequence[int], audio: Float32, owner: Sequence[int]) -> Batch:
        return Batch(
            audio=torch.from_numpy(audio),
            targets=torch.from_numpy(self.targets[list(positions)].astype(np.float32)),
            track_ids=[str(self.corpus.track_ids[self.rows[at]]) for at in positions],
            owner=torch.tensor(owner, dtype=torch.int64),
        )


class TrainClips(Dataset[Batch]):
    """One random window of each track, drawn from (seed, epoch, track id)."""

    def __init__(self, corpus: Corpus, shape: Cut, seed: int) -> None:
        self._clips = _Clips(corpus, "train", shape)
        self._seed = seed
        # What gives at least one window after resampling.
        self._needed = math.ceil(shape.window * corpus.sample_rate / shape.sample_rate)

    def __len__(self) -> int:
        return len(self._clips)

    def __getitems__(self, keys: list[Key]) -> Batch:
        """Return the windows of a whole batch, written straight into one array."""
        audio = np.empty((len(keys), self._clips.shape.window), dtype=np.float32)
        for row, key in zip(audio, keys, strict=True):
            self._fill(row, *key)
        return self._clips.batch([at for _, at in keys], audio, range(len(keys)))

    def __getitem__(self, key: Key) -> Batch:
        return self.__getitems__([key])

    def _fill(self, out: Float32, epoch: int, position: int) -> None:
        corpus, shape = self._clips.corpus, self._clips.shape
        row = int(self._clips.rows[position])
        length = min(int(corpus.samples[row]), self._needed)
        track_id = str(corpus.track_ids[row])
        start = train_start(int(corpus.samples[row]), self._needed, self._seed, epoch, track_id)
        if length == len(out) and corpus.sample_rate == shape.sample_rate:
            stored, scale = corpus.raw(row, start, length)
            out[:] = stored  # convert, then scale: half the time of one mixed multiplication
            out *= scale
            return
        audio = at_rate(corpus.window(row, start, length), corpus.sample_rate, shape.sample_rate)
        out[:] = audio[: len(out)] if len(audio) >= len(out) else np.resize(audio, len(out))


class EvalTracks(Dataset[Batch]):
    """Whole tracks, a few at a time. Item ``i`` is a complete batch.

    Args:
        corpus: A prepared corpus.
        split: Which part of it.
        shape: Of a window.
        windowing: Which windows of each track.
        most: Windows in a batch; a track with more makes a batch of its own.
    """

    def __init__(
        self, corpus: Corpus, split: str, shape: Cut, windowing: Windowing, most: int
    ) -> None:
        self._clips = _Clips(corpus, split, shape)
        self._windowing = windowing
        counts = [
            len(window_starts(self._length(int(corpus.samples[row])), shape.window, windowing))
            for row in self._clips.rows
        ]
        self._groups = list(_grouped(counts, most))

    def __len__(self) -> int:
        return len(self._groups)

    def __getitem__(self, index: int) -> Batch:
        corpus, shape = self._clips.corpus, self._clips.shape
        parts: list[Float32] = []
        owner: list[int] = []
        positions = self._groups[index]
        for track, position in enumerate(positions):
            audio = at_rate(
                corpus.audio(int(self._clips.rows[position])), corpus.sample_rate, shape.sample_rate
            )
            parts.append(
                cut(audio, window_starts(len(audio), shape.window, self._windowing), shape.window)
            )
            owner += [track] * len(parts[-1])
        return self._clips.batch(positions, np.concatenate(parts), owner)

    def _length(self, samples: int) -> int:
        return max(1, samples * self._clips.shape.sample_rate // self._clips.corpus.sample_rate)


class EpochSampler(Sampler[Key]):
    """Every track once in an order drawn from (seed, epoch). Yields the epoch with each.

    Args:
        tracks: How many there are.
        seed: Of the order.
        epoch: Asked at the start of each pass. A function and not an attribute, so that it holds
            under whatever Lightning wraps around this sampler.
    """

    def __init__(self, tracks: int, seed: int, epoch: Callable[[], int]) -> None:
        self._tracks = tracks
        self._seed = seed
        self._epoch = epoch

    def __len__(self) -> int:
        return self._tracks

    def __iter__(self) -> Iterator[Key]:
        epoch = self._epoch()
        order = rng_for("train order", self._seed, epoch).permutation(self._tracks)
        return iter([(epoch, int(at)) for at in order])


def at_rate(audio: Float32, stored_rate: int, wanted_rate: int) -> Float32:
    """Return ``audio`` of shape ``(T,)`` at another rate in Hz; at least one sample."""
    if stored_rate == wanted_rate:
        return audio
    resampled: Float32 = soxr.resample(audio, stored_rate, wanted_rate)
    return resampled if len(resampled) else audio[:1]


def whole_batch(batch: Any) -> Any:
    """Collate nothing: the datasets above return batches."""
    return batch


def _grouped(counts: Sequence[int], most: int) -> Iterator[list[int]]:
    """Split positions, in order, into groups whose counts add up to at most ``most``."""
    group: list[int] = []
    total = 0
    for position, count in enumerate(counts):
        if group and total + count > most:
            yield group
            group, total = [], 0
        group.append(position)
        total += count
    if group:
        yield group
