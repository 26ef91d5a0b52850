"""What a measuring process is asked to run. Light: the process that asks needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["ours", "plain"]
Mode = Literal["forward", "step"]
Dtype = Literal["fp32", "tf32", "bf16"]


@dataclass(frozen=True)
class Task:
    """A model to run.

    Attributes:
        model: Name of a model file.
        form: Ours or the plain one.
        batch: Windows at once.
        device: ``cpu`` or ``cuda``; empty takes a GPU where there is one.
        dtype: ``fp32``, ``tf32`` on a GPU that has it, or ``bf16`` for autocast.
        threads: CPU threads; 0 leaves torch's choice.
    """

    model: str
    form: Form = "ours"
    batch: int = 1
    device: str = ""
    dtype: Dtype = "fp32"
    threads: int = 0


@dataclass(frozen=True)
class Facts:
    """What a process knows once the model is made.

    Attributes:
        device: ``cpu`` or ``cuda``.
        device_name: Name of the processor.
        torch: Version of torch.
        learns: Whether the model has anything to train.
        has_plain: Whether it has a plain form.
    """

    device: str
    device_name: str
    torch: str
    learns: bool
    has_plain: bool
