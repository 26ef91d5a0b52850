"""What every process of a run needs: a log file of its own, and an end with its parent."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path


def log_to(path: Path) -> None:
    """Send this process's stdout and stderr to a file: libraries print, the display stays whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def die_with_parent(parent: int, interval_s: float = 1.0) -> None:
    """End this process soon after its parent is gone, even if the parent was killed.

    Otherwise a killed sweep would leave processes that write into the folder of the next one.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(interval_s)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="die-with-parent").start()
