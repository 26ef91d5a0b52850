"""Versions, device and numeric settings of the measurement."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import torch

from benchmark import determinism
from benchmark.speed.gpu.child import Row, Setup
from benchmark.store.provenance import provenance

_QUERY = "--query-gpu=name,driver_version,memory.total,clocks.max.sm"


def settings(item: str, setup: Setup) -> Iterator[Row]:
    """Yield one row per fact.

    Args:
        item: Name of the row group; this section has one.
        setup: Settings of the measurement.
    """
    determinism.configure(setup.device)
    facts = {
        "device": setup.device,
        "CPU cores": str(len(os.sched_getaffinity(0))),
        **determinism.describe(setup.device),
        **_driver(setup.device),
        **provenance(),
    }
    for name, value in facts.items():
        yield {"setting": name, "value": value}


def _driver(device: str) -> dict[str, str]:
    """Return the GPU memory and the output of ``nvidia-smi``, or the error that it gave."""
    if not device.startswith("cuda"):
        return {}
    memory = torch.cuda.get_device_properties(device).total_memory
    facts = {"GPU memory": f"{memory / 2**30:.1f} GiB"}
    try:
        done = subprocess.run(
            ["nvidia-smi", _QUERY, "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return facts | {"nvidia-smi": type(error).__name__}
    return facts | {"nvidia-smi": done.stdout.strip().splitlines()[0]}
