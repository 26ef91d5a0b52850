"""Files that appear whole or not at all, and locks that a killed process cannot leave behind."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PARTIAL = ".part"
# The last: a limit on the size of files, set with ulimit.
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_LOCKS = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK)
_POLL_S = 0.1


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a kill at any instant leaves the old one or the new one."""
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def hold_shared(path: Path) -> IO[bytes]:
    """Lock ``path`` together with others, until the file is closed or the process ends."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return file


@contextmanager
def hold_alone(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Lock ``path`` against every other process, waiting for those that hold it.

    On a file system without locks this does nothing.

    Args:
        path: A file that is created if need be and never removed.
        waiting: Called once if the lock is not free.
    """
    told = False
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    waiting()
                    told = True
                time.sleep(_POLL_S)
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    break
                raise
        yield
