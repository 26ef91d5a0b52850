"""Compilation of numba kernels."""

from __future__ import annotations

from typing import Any

import numba
import pytest

from benchmark.kernels import compiled


def test_kernels_compile_where_nothing_can_be_written() -> None:
    space: dict[str, Any] = {}
    exec("def double(x):\n    return 2 * x", space)  # no file, no folder beside it
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(space["double"])
    assert compiled(space["double"])(21) == 42
