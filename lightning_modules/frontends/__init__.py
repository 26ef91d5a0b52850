"""Time-frequency front ends based on nnAudio, which map audio to decibel maps.

A front end is one file of this folder. A model's YAML chooses it by name, ``frontend: log_mel``,
or with options, ``frontend: {name: log_mel, trainable: true}``. All front ends give maps of the
same size, so that any image model can be trained on any of them.

They compute in float32 even under autocast and with TF32 enabled, because quiet partials need more
than the three digits of these formats. Constants are rebuilt at construction and are not part of
checkpoints.
"""

from lightning_modules.frontends.base import FrontEnd
from lightning_modules.frontends.catalogue import Options, build, front_ends

__all__ = ["FrontEnd", "Options", "build", "front_ends"]
