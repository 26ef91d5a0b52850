"""Atomic writing, file locks and free disk space."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from datamodules.common.errors import TagbenchError
from datamodules.common.formatting import human_bytes

PARTIAL = ".part"
"""Suffix of a file that is being written."""

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a full disk, an exhausted quota, and the file size limit of ``ulimit``."""

UNWRITABLE = (*DISK_FULL, errno.EROFS)
"""Error numbers of a disk on which no file can be written."""

_LOCKS_UNSUPPORTED = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK)
_POLL_S = 0.1
_MOVE = "put the folder on another disk, and run the same command again"


@contextmanager
def naming_errors(path: Path) -> Iterator[None]:
    """Add the path to an error of a full disk that a write within the block raises.

    Opening a file raises an error with its name, but writing to an open file does not.

    Args:
        path: The file that is written.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in DISK_FULL:
            error.filename = str(path)
        raise


@contextmanager
def open_atomic(path: Path, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """Open a file for writing that replaces ``path`` when the block ends without an error.

    A reader sees the old file or the complete new one, whenever the process is killed. The bytes go
    to a file beside ``path``, of this process and with the suffix `PARTIAL`, which is removed after
    an error.

    Args:
        path: The file to write.
        sync: Whether to force the bytes to the disk before the file is renamed, so that the file
            is also complete after a power failure.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with naming_errors(path), partial.open("wb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a whole file atomically; see `open_atomic`."""
    with open_atomic(path, sync=sync) as file:
        file.write(content)


def unwritable(error: OSError) -> str:
    """Return the message for an error of `UNWRITABLE`: the file, the reason and the remedy."""
    path = error.filename2 or error.filename or "a temporary file"
    remedy = "Free some space" if error.errno in DISK_FULL else "Name a folder on another disk"
    return (
        f"Cannot write {path}: {error.strerror}. {remedy}, and run the same command again; "
        "complete files are kept."
    )


def shared_lock(path: Path) -> IO[bytes]:
    """Hold a shared lock on ``path`` until the file is closed or the process ends."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError as error:
        if error.errno not in _LOCKS_UNSUPPORTED:
            raise
    return file


@contextmanager
def exclusive_lock(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Lock ``path`` against every other process, waiting for those that hold it.

    The lock ends with the process that holds it, however that ends. On a file system without
    locks this does nothing.

    Args:
        path: A file that is created if it does not exist, and never removed.
        on_wait: Called once if another process holds the lock.
    """
    waited = False
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    on_wait()
                    waited = True
                time.sleep(_POLL_S)
            except OSError as error:
                if error.errno in _LOCKS_UNSUPPORTED:
                    break
                raise
        yield


def free_bytes(folder: Path) -> int:
    """Return the free space on the disk of a folder, in bytes."""
    return shutil.disk_usage(folder).free


def check_disk_space(
    folder: Path, needed: float, content: str, *, remedy: str = "", margin: float = 1.0
) -> int:
    """Return the free bytes on the disk of ``folder``, if ``needed`` bytes fit there.

    Args:
        folder: A folder that exists.
        needed: Bytes to be written there.
        content: What they are, for the message, such as ``"12 tracks"``.
        remedy: What the user can do besides freeing some space; by default, move the folder.
        margin: Share of ``needed`` that must fit; less than 1 if ``needed`` is a rough estimate.

    Raises:
        TagbenchError: If they do not fit.
    """
    free = free_bytes(folder)
    if margin * needed > free:
        raise TagbenchError(
            f"Not enough disk space in {folder}: about {human_bytes(needed)} needed for {content}, "
            f"{human_bytes(free)} free. Free some space, or {remedy or _MOVE}."
        )
    return free
