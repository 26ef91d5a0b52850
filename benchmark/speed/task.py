"""Requests to a measuring process and its answers, as types that do not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["ours", "plain"]
Mode = Literal["forward", "step"]
Dtype = Literal["fp32", "tf32", "bf16"]


@dataclass(frozen=True)
class BenchTask:
    """A model to measure, and how to run it.

    Attributes:
        model: Name of a model file.
        form: ``"ours"``, or ``"plain"`` for the transcription in ``baselines``.
        batch: Windows in a batch.
        device: ``"cpu"`` or ``"cuda"``; if empty, a GPU if PyTorch finds one.
        dtype: ``"fp32"``, ``"tf32"`` (GPUs only), or ``"bf16"`` for autocast.
        threads: CPU threads; 0 keeps PyTorch's choice.
    """

    model: str
    form: Form = "ours"
    batch: int = 1
    device: str = ""
    dtype: Dtype = "fp32"
    threads: int = 0


@dataclass(frozen=True)
class Facts:
    """Facts that a measuring process returns after it has built the model.

    Attributes:
        device: ``"cpu"`` or ``"cuda"``.
        device_name: Name of the processor or GPU.
        torch: Version of PyTorch.
        learns: Whether the model has parameters to train.
        has_plain: Whether the model has a plain transcription.
    """

    device: str
    device_name: str
    torch: str
    learns: bool
    has_plain: bool
