"""PyTorch, processor cores, memory and GPUs."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.doctor.finding import Finding
from benchmark.doctor.requirements import pin
from datamodules.common.cpus import usable_cpus
from datamodules.common.formatting import human_bytes

_LEAST_MEMORY = 4e9  # bytes; torch and the decoding of long tracks need about half of that
_CGROUP = Path("/sys/fs/cgroup")


def check_torch() -> Iterator[Finding]:
    """Import torch and torchaudio, which are a pair of exact versions."""
    pair = ("torch", "torchaudio")
    for name in pair:
        try:
            version = importlib.import_module(name).__version__
        except (ImportError, OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            command = f"pip install {' '.join(map(pin, pair))}"
            text = f"cannot be imported: {reason}"
            yield Finding(name, "fail", text, f"Install the pair from one index: {command}")
        else:
            yield Finding(name, "OK", version)


def check_processor() -> Iterator[Finding]:
    """Count cores and threads, and compare them with the limits of a container."""
    import torch

    cores, threads = usable_cpus(), torch.get_num_threads()
    text = f"{cores} of {os.cpu_count()} cores usable, {threads} threads per operation"
    quota = _quota()
    if quota is not None and quota < cores:
        n = max(1, int(quota))
        text += f"; the container grants the time of {quota:g} cores"
        remedy = f"Set OMP_NUM_THREADS={n}, and use --workers {n}."
        yield Finding("cpu", "warn", text, remedy)
    else:
        yield Finding("cpu", "OK", f"{text}; {_bf16('cpu')}")


def check_memory() -> Iterator[Finding]:
    """State the memory of the machine or container."""
    total: float = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _read(_CGROUP / "memory.max")
    if limit.isdigit():
        total = min(total, float(limit))
    if total < _LEAST_MEMORY:
        remedy = "Use --workers 1, and give the machine or container more memory."
        yield Finding("memory", "warn", human_bytes(total), remedy)
    else:
        yield Finding("memory", "OK", human_bytes(total))


def check_gpus() -> Iterator[Finding]:
    """State name, memory and number formats of each GPU."""
    import torch

    if not torch.cuda.is_available():
        if not _has_driver():
            yield Finding("gpu", "OK", "none; models run on the CPU")
            return
        build = torch.version.cuda
        text = "this machine has an NVIDIA driver, but PyTorch cannot use it: "
        text += f"the driver may be older than CUDA {build}" if build else "it is a build for CPUs"
        remedy = (
            "Choose a build for the driver (nvidia-smi shows it): https://pytorch.org/get-started"
        )
        yield Finding("gpu", "warn", text, remedy)
        return
    for index in range(torch.cuda.device_count()):
        device = f"cuda:{index}"
        try:
            free, total = torch.cuda.mem_get_info(index)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            yield Finding(device, "fail", reason, "Leave it out with --devices.")
            continue
        facts: Any = torch.cuda.get_device_properties(index)
        yield Finding(
            device,
            "OK",
            f"{facts.name}, compute capability {facts.major}.{facts.minor}, CUDA "
            f"{torch.version.cuda}, {human_bytes(free)} of {human_bytes(total)} free; "
            f"{_bf16(device)}",
        )


def _bf16(device: str) -> str:
    from benchmark.plan.trainings import supports_bf16

    if supports_bf16(device):
        return "bfloat16"
    return "no bfloat16, so that recipes with precision bf16 train in float32"


def _has_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def _quota() -> float | None:
    """Return the cores that a container may use, by its quota of time; None without a quota."""
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    if not (quota.isdigit() and period.isdigit()):
        return None
    return int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
