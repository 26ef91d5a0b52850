"""Change of tempo without a change of pitch."""

from __future__ import annotations

import numpy as np

from benchmark.perturbations.base import CONTROLS, Audio, Perturbation
from benchmark.perturbations.dsp.engine import audiomentations, run_pinned
from datamodules.common.errors import TagbenchError

_SLOWEST = 0.5


class _TimeStretch(Perturbation):
    """Signalsmith Stretch through audiomentations; the track gets shorter or longer.

    The stock default would keep the length and fill it with silence, which models hear more
    than the tempo (reference dossier, section 10). Rates are rounded, so that the last bit of a
    machine's power function is no part of their identity.
    """

    family = "time_stretch"
    unit = "rate"
    axis_label = "Playback rate"
    engine = ("audiomentations", "python-stretch")

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Play ``level`` times as fast."""
        del rng
        if level < _SLOWEST:
            raise TagbenchError(
                f"{self.name}: below a rate of {_SLOWEST} the engine draws phases from the system, "
                f"and no two runs hear the same. Choose a rate above {level}."
            )
        transform = audiomentations().TimeStretch(
            min_rate=level,
            max_rate=level,
            leave_length_unchanged=False,
            method="signalsmith_stretch",
            p=1.0,
        )
        return run_pinned(transform, audio, sample_rate, rate=level)

    def output_samples(self, samples: int, level: float) -> int:
        """Return ``samples / level``, rounded."""
        return round(samples / level)


class TimeFaster(_TimeStretch):
    """Faster, by equal steps of log tempo to half an octave."""

    name = "time_faster"
    title = "Faster"
    levels = tuple(round(2.0 ** (step / 10), 9) for step in (1, 2, 3, 4, 5))


class TimeSlower(_TimeStretch):
    """Slower, by equal steps of log tempo to half an octave."""

    name = "time_slower"
    title = "Slower"
    levels = tuple(round(2.0 ** (step / 10), 9) for step in (-1, -2, -3, -4, -5))


class ControlTempoEngine(_TimeStretch):
    """The engine alone, at a rate of one: it fades the ends, and leaves the rest as it was."""

    name = "control_tempo_engine"
    title = "Tempo engine (control)"
    levels = (1.0,)
    protocol = CONTROLS
    default = False
