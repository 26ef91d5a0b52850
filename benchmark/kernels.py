"""Compilation of numeric functions with numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function with ``numba.njit``, with a cache where a folder can be written.

    The compiled function releases the GIL, so that threads run it in parallel. numba stores the
    cache beside the source or in the user's home and raises an error if both are read-only, as in
    some containers. The function is then compiled once in each process.

    Args:
        function: Function that numba's nopython mode supports.

    Returns:
        The compiled function.
    """
    try:
        dispatcher: F = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba finds no folder for its cache
        dispatcher = numba.njit(nogil=True)(function)
    return dispatcher
