"""Change of tempo without a change of pitch."""

from __future__ import annotations

import numpy as np

from benchmark.perturbations.axis import PLAYBACK_RATE
from benchmark.perturbations.base import Audio, Perturbation
from benchmark.perturbations.condition import CONTROLS
from benchmark.perturbations.dsp.engine import audiomentations, run_pinned
from datamodules.common.errors import TagbenchError

_SLOWEST = 0.5


class _TimeStretch(Perturbation):
    """Signalsmith Stretch through audiomentations; the track gets shorter or longer.

    The default of audiomentations keeps the length and pads with silence, which changes the
    scores of models more than the tempo does. Rates are rounded, so that the identity does not
    depend on the last bit of a machine's power function.
    """

    family = "time_stretch"
    axis = PLAYBACK_RATE
    engine = ("audiomentations", "python-stretch")

    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Change the tempo by the factor ``level``."""
        del rng
        self.check_level(level)
        transform = audiomentations().TimeStretch(
            min_rate=level,
            max_rate=level,
            leave_length_unchanged=False,
            method="signalsmith_stretch",
            p=1.0,
        )
        return run_pinned(transform, audio, sample_rate, rate=level)

    def check_level(self, level: float) -> None:
        """Raise an error for rates at which the engine draws random numbers of its own."""
        if level < _SLOWEST:
            raise TagbenchError(
                f"{self.name}: cannot stretch by a rate of {level}. Below {_SLOWEST} the engine "
                "draws random phases, and no two runs give the same audio. Choose a rate of at "
                f"least {_SLOWEST}."
            )

    def output_samples(self, samples: int, level: float) -> int:
        """Return ``samples / level``, rounded."""
        return round(samples / level)


class TimeFaster(_TimeStretch):
    """Raise the tempo, in equal steps of log tempo up to half an octave."""

    name = "time_faster"
    title = "Faster"
    levels = tuple(round(2.0 ** (step / 10), 9) for step in (1, 2, 3, 4, 5))


class TimeSlower(_TimeStretch):
    """Lower the tempo, in equal steps of log tempo down to half an octave."""

    name = "time_slower"
    title = "Slower"
    levels = tuple(round(2.0 ** (step / 10), 9) for step in (-1, -2, -3, -4, -5))


class ControlTempoEngine(_TimeStretch):
    """Time stretch by a rate of one, which fades the ends and leaves the rest unchanged."""

    name = "control_tempo_engine"
    title = "Tempo engine (control)"
    levels = (1.0,)
    protocol = CONTROLS
    default = False
