"""Numeric settings of a process: precision, deterministic kernels and threads.

This is the only module that changes them. A process that trains or evaluates calls `configure`
once, before it runs a model; `describe` states what is in force, for the provenance.
"""

from __future__ import annotations

import os
from typing import Any

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_CUBLAS_WORKSPACE = ":4096:8"  # eight buffers of 4 MiB, see "Reproducibility" in cuBLAS's manual


def configure(device: str, *, threads: int = 0, tf32: bool = False) -> None:
    """Apply the numeric settings to this process.

    On every device, float32 products and convolutions are computed in float32 (TF32 off), and
    cuDNN uses deterministic algorithms chosen by its heuristics, not by timing. On the CPU these
    are PyTorch's defaults or have no effect: CPU results do not depend on this call, except
    through ``threads``.

    On a CUDA device PyTorch is also asked for deterministic kernels, and attention uses the
    unfused implementation, because the backward passes of the fused ones add in varying order. An
    operation without a deterministic kernel warns and runs. Two runs then give equal bits on the
    same GPU model with the same driver and libraries, provided that no operation warned. Other
    GPUs, and the CPU, differ in the last digits.

    Args:
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:<index>"``.
        threads: Threads of one operation on the CPU; 0 keeps PyTorch's choice.
        tf32: Round the factors of float32 products and convolutions to ten bits of mantissa on
            the tensor cores of a GPU. For measurements: no cell of a benchmark uses it.
    """
    import torch

    if threads:
        torch.set_num_threads(threads)
    # Not through `fp32_precision`: after that, PyTorch 2.11 refuses to read the older flags, which
    # other libraries do.
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if device.startswith("cuda"):
        os.environ.setdefault(_CUBLAS, _CUBLAS_WORKSPACE)  # read when cuBLAS is first used
        torch.use_deterministic_algorithms(True, warn_only=True)
        filling: Any = torch.utils.deterministic
        filling.fill_uninitialized_memory = False  # takes time and changes no result
        torch.backends.cuda.enable_flash_sdp(False)
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.backends.cuda.enable_cudnn_sdp(False)


def describe(device: str) -> dict[str, str]:
    """Return the settings in force, as they are read back from PyTorch.

    Args:
        device: Where models run, as for `configure`.

    Returns:
        Threads and float32 precision; on a CUDA device also its name and compute capability, the
        versions of CUDA and cuDNN, and the settings of determinism.
    """
    import torch

    settings = {"threads": str(torch.get_num_threads())}
    if not device.startswith("cuda"):
        return settings
    cuda: Any = torch.backends.cuda  # untyped in PyTorch 2.11
    cudnn: Any = torch.backends.cudnn
    major, minor = torch.cuda.get_device_capability(device)
    workspace = os.environ.get(_CUBLAS, "not set")
    return settings | {
        "gpu": f"{torch.cuda.get_device_name(device)}, compute capability {major}.{minor}",
        "cuda": str(torch.version.cuda),
        "cudnn": str(cudnn.version()),
        "fp32_products": _name(cuda.matmul.fp32_precision),
        "fp32_convolutions": _name(cudnn.conv.fp32_precision),
        "fp32_recurrences": _name(cudnn.rnn.fp32_precision),
        "cudnn_deterministic": _on(cudnn.deterministic),
        "cudnn_benchmark": _on(cudnn.benchmark),
        "deterministic_algorithms": _on(torch.are_deterministic_algorithms_enabled()),
        "fused_attention": _on(
            cuda.flash_sdp_enabled() or cuda.mem_efficient_sdp_enabled() or cuda.cudnn_sdp_enabled()
        ),
        "cublas_workspace": workspace,
    }


def _name(precision: str) -> str:
    """Return the arithmetic that a value of ``fp32_precision`` stands for."""
    return {"none": "fp32", "ieee": "fp32"}.get(precision, precision)


def _on(value: bool) -> str:
    return "on" if value else "off"
