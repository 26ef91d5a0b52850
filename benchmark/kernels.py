"""Compiled functions that work wherever the package is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function, once for all processes where a folder can be written to.

    It runs without the lock of the interpreter, so that threads can share out the work.

    numba looks for one beside the source, then in the user's home, and refuses to decorate where
    both are read-only, as in some containers; there each process compiles for itself.
    """
    try:
        compiled: F = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no locator available
        compiled = numba.njit(nogil=True)(function)
    return compiled
