"""Settings of the memory allocator of a process that runs models."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# Parameters of mallopt in glibc, malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


@cache
def keep_freed_memory() -> bool:
    """Let the allocator of this process keep the memory that torch frees.

    By default glibc maps each large tensor anew and the kernel clears it page by page: on a CPU
    that takes a third to a half of a training step of FCN and two thirds of a forward pass. The
    setting affects speed only. On platforms without glibc the function does nothing.

    Returns:
        Whether the allocator accepted the settings.
    """
    settings = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 64 * 2**20}
    libc = _glibc()
    return libc is not None and all(libc.mallopt(*setting) for setting in settings.items())


def return_freed_memory() -> None:
    """Return unused memory that `keep_freed_memory` retained to the operating system."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
