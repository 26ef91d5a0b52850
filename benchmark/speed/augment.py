"""Speed of training-time augmentation: each transform and each chain, on crops of music."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from benchmark.augmentations import Chain, resolve, transforms
from benchmark.augmentations.base import Audio
from benchmark.augmentations.perturbed import FamilyLevels
from benchmark.experiment_files import names
from datamodules.datasets.synthetic import Synth
from datamodules.synthesis.clip_source import ClipSource

CROPS = ((16000, 59049 / 16000), (16000, 10.0), (22050, 3.7), (22050, 10.0))
"""Sample rate in Hz and length in seconds of the crops that are measured."""


@dataclass(frozen=True)
class AugmentRow:
    """One row of the table.

    Attributes:
        what: Name of the chain or transform.
        rate_hz: Sample rate in Hz.
        crop_s: Length of a crop in seconds.
        ms_mean: Mean CPU time of a crop in milliseconds. The mean of a chain includes the crops to
            which an expensive transform is not applied.
        ms_median: Median CPU time.
    """

    what: str
    rate_hz: int
    crop_s: float
    ms_mean: float
    ms_median: float


def measure(
    selections: Sequence[str], repeats: int, report: Callable[[str], object]
) -> list[AugmentRow]:
    """Time augmentations in this process, on one thread, with other parameters for each crop.

    CPU time is measured, because other load on the machine affects it less than elapsed time.

    Args:
        selections: As for :func:`benchmark.augmentations.resolve`; if empty, every shipped chain,
            every transform and every family of perturbations.
        repeats: Crops of each length.
        report: Receives a line of progress.
    """
    rows = []
    for rate, seconds in CROPS:
        audio = _crop(rate, seconds)
        for what, chain in _subjects(selections):
            chain.warm_up(rate)
            times = [_timed(chain, audio, rate, number) for number in range(repeats)]
            rows.append(
                AugmentRow(what, rate, round(seconds, 2), 1e3 * fmean(times), 1e3 * median(times))
            )
            report(f"{what}, {seconds:.1f} s at {rate} Hz: {rows[-1].ms_mean:.3g} ms")
    return rows


def _subjects(selections: Sequence[str]) -> Iterator[tuple[str, Chain]]:
    for name in selections or names("augmentations"):
        yield name, resolve(name)
    if selections:
        return
    for name in transforms():
        yield name, resolve([{"transform": name}])
    for family in FamilyLevels.known():
        yield f"family:{family}", resolve([{"family": family}])


def _crop(rate: int, seconds: float) -> Audio:
    """Return a crop from the middle of a clip of the embedded corpus."""
    clip = ClipSource(Synth.revision, 0, 0).read(rate)
    size = round(rate * seconds)
    start = max(0, (len(clip) - size) // 2)
    return np.resize(clip[start : start + size], size).astype(np.float32)


def _timed(chain: Chain, audio: Audio, rate: int, number: int) -> float:
    start = time.process_time()
    chain(audio, rate, "speed", number)
    return time.process_time() - start
