"""Log files and parent monitoring for the processes of a run."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from pathlib import Path
from typing import Any


def log_to(path: Path) -> None:
    """Append this process's standard output and standard error to a file.

    The output of libraries then does not disturb the progress display of the runner.

    Args:
        path: Log file; its folder is created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def die_with_parent(parent: int, interval_s: float = 1.0) -> None:
    """End this process soon after its parent has exited, even if the parent was killed.

    Without it, the processes of a killed run would continue to write to the results folder, which
    the next run uses.

    Args:
        parent: Process id of the parent.
        interval_s: Time between two checks, in seconds.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(interval_s)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="die-with-parent").start()


def run_child(parent: int, pickled: bytes, *arguments: Any) -> None:
    """Run a function in a process that ends with its parent.

    The function is unpickled here, so that the parent is watched during its imports, which may
    take seconds.

    Args:
        parent: Process id of the parent.
        pickled: The function.
        *arguments: Its arguments.
    """
    die_with_parent(parent)
    pickle.loads(pickled)(*arguments)
