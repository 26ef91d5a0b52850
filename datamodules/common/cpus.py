"""Number of processor cores that this process may use."""

from __future__ import annotations

import os


def usable_cpus() -> int:
    """Return the number of cores that this process may run on, at least 1.

    Unlike ``os.cpu_count()`` it respects the processor affinity that a job scheduler or a container
    has set.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
