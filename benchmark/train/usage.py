"""Time and memory that a process takes for a training."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Usage:
    """What one process has used.

    Attributes:
        cpu_seconds: CPU time of all its threads.
        peak_rss_bytes: Largest resident memory since the process started.
        peak_gpu_bytes: Largest memory of tensors on its GPU; 0 on a CPU.
    """

    cpu_seconds: float
    peak_rss_bytes: int
    peak_gpu_bytes: int


class Meter:
    """Measures from its construction on.

    Args:
        device: ``"cpu"`` or ``"cuda:<index>"``.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._started, self._worked = time.perf_counter(), time.process_time()
        # Before CUDA is initialised there is no peak, and resetting it is an error.
        if device.startswith("cuda") and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.reset_peak_memory_stats(device)

    def usage(self) -> Usage:
        """Return what this process has used."""
        on_gpu = self._device.startswith("cuda")
        unit = 1 if sys.platform == "darwin" else 1024
        return Usage(
            cpu_seconds=time.process_time() - self._worked,
            peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
            peak_gpu_bytes=torch.cuda.max_memory_allocated(self._device) if on_gpu else 0,
        )

    def describe(self, others: Sequence[Usage]) -> dict[str, Any]:
        """Return what ``metrics.json`` states about the cost of a training.

        Args:
            others: What the other processes have used.

        Returns:
            Wall time, the sum of CPU times, the number of processes, and the memory of the process
            that took most. ``peak_gpu_bytes`` is absent on a CPU.
        """
        usages = [self.usage(), *others]
        facts: dict[str, Any] = {
            "seconds": time.perf_counter() - self._started,
            "cpu_seconds": sum(usage.cpu_seconds for usage in usages),
            "processes": len(usages),
            "peak_rss_bytes": max(usage.peak_rss_bytes for usage in usages),
        }
        if self._device.startswith("cuda"):
            facts["peak_gpu_bytes"] = max(usage.peak_gpu_bytes for usage in usages)
        return facts
