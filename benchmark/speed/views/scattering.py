"""Speed of the scattering view, in seconds of audio per second of CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from datamodules.datasets.synthetic import Synth
from datamodules.synthesis.clip_source import ClipSource
from datamodules.views.dsp.scattering_transform import scattering
from datamodules.views.scattering import Scattering

LENGTHS = (3.0, 10.0, 30.0, 240.0)
"""Lengths in seconds of the tracks that are measured."""


@dataclass(frozen=True)
class ScatteringRow:
    """One row of the table.

    Attributes:
        track_s: Length of the track in seconds.
        rows: Rows of the view.
        first_track_s: CPU time of the first track of a length, which builds the filters.
        track_cpu_s: Median CPU time of a further track.
        times_real_time: Seconds of audio per second of CPU time, for further tracks.
    """

    track_s: float
    rows: int
    first_track_s: float
    track_cpu_s: float
    times_real_time: float


def measure(repeats: int, report: Callable[[str], object]) -> list[ScatteringRow]:
    """Time the view on rendered music in this process, on one core.

    CPU time is measured, because other load on the machine affects it less than elapsed time.

    Args:
        repeats: Further tracks of each length.
        report: Receives a line of progress.
    """
    view = Scattering(renormalised=True, log=True)
    clip = ClipSource(Synth.revision, 0, 0).read(view.sample_rate)
    table = []
    for seconds in LENGTHS:
        audio = np.resize(clip, round(seconds * view.sample_rate)).astype(np.float32)
        scattering.cache_clear()
        times = []
        for _ in range(1 + repeats):
            start = time.process_time()
            rows = view.compute(audio)
            times.append(time.process_time() - start)
        typical = median(times[1:])
        table.append(ScatteringRow(seconds, len(rows), times[0], typical, seconds / typical))
        report(f"{seconds:g} s: {table[-1].times_real_time:.0f} times real time")
    return table
