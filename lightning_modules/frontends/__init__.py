"""Time-frequency front ends based on nnAudio, which map audio to maps in decibels.

A front end is one file of this folder. A model's YAML chooses it by name, ``frontend: log_mel``,
or with options, ``frontend: {name: log_mel, trainable: true}``. The model decides sample rate,
bands and hop, so that all front ends give it maps of the same size.

They compute in float32 even under autocast and with TF32 enabled, because quiet partials need more
than the three digits of these formats. Constants are rebuilt at construction and are not part of
checkpoints.
"""

from lightning_modules.frontends.base import FrontEnd
from lightning_modules.frontends.catalogue import Options, build, front_ends

__all__ = ["FrontEnd", "Options", "build", "front_ends"]
