"""How the worker processes of loaders are started."""

from __future__ import annotations

import sys


def start_method(workers: int) -> str | None:
    """Return the start method of the workers of a ``DataLoader``; None for the default of Python.

    On Linux they are forked, whatever the start method of their parent. A job of the local executor
    is a child of a fork server, and would start another server, whose every worker imports torch:
    about ten seconds and 600 MB for each. Workers read audio, and use neither CUDA nor a thread of
    their parent.

    Args:
        workers: Number of workers.
    """
    return "fork" if workers and sys.platform == "linux" else None
