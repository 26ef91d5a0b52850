"""The allocator keeps freed memory when asked to, and returns it when asked to."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest
import torch

from benchmark.malloc import keep_freed_memory, return_freed_memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_allocator_takes_the_hint():
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
def test_kept_memory_is_given_back():
    def resident() -> int:
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    keep_freed_memory()
    keeper = torch.zeros(10)
    tensors = [torch.ones(2**20) for _ in range(64)]  # 256 MB
    top = torch.zeros(10)
    full = resident()
    tensors.clear()
    assert resident() > full - 2**27
    return_freed_memory()
    assert resident() < full - 2**27
    assert not keeper.any()
    assert not top.any()
