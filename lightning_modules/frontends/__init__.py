"""Time-frequency front ends on nnAudio: audio in, decibel maps out.

A front end is one file of this folder. A model's YAML chooses it by name, ``frontend: log_mel``,
or with options, ``frontend: {name: log_mel, trainable: true}``. All front ends give maps of the
same size, so that any image model can be trained on any of them.

They run in float32 even under autocast and where TF32 is on: three digits would drown quiet
partials.
Constants are rebuilt at construction and are not part of checkpoints.
"""

from lightning_modules.frontends.base import FrontEnd
from lightning_modules.frontends.catalogue import Options, build, front_ends

__all__ = ["FrontEnd", "Options", "build", "front_ends"]
