"""Models that fail in a known way, to test that a failure costs only itself."""

from __future__ import annotations

import os
import signal
from typing import ClassVar

from torch import Tensor, nn

from lightning_modules.base import TaggingModule


class Raises(TaggingModule):
    """Fails with an exception in training."""

    identity: ClassVar[str] = "Raises"
    input_samples = 16000
    title: ClassVar[str] = "raises"
    paper: ClassVar[str] = ""
    bibtex: ClassVar[str] = ""

    def __init__(self, **base):
        super().__init__(**base)
        self.dense = nn.Linear(1, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        if self.training:
            self.fail()
        return self.dense(audio.mean(1, keepdim=True))

    def fail(self) -> None:
        raise RuntimeError("this model cannot be trained")


class Dies(Raises):
    """Takes its process down in training."""

    identity: ClassVar[str] = "Dies"
    title: ClassVar[str] = "dies"

    def fail(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
