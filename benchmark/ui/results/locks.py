"""Whether a run of this machine works on a results folder."""

from __future__ import annotations

from pathlib import Path

_LOCKS = Path("/proc/locks")


def is_locked(results: Path, locks: Path = _LOCKS) -> bool | None:
    """Return whether `Store.lock` of a results folder is held by a process of this machine.

    The list of the kernel is read, because an attempt to take the lock could make a run fail that
    starts at the same moment.

    Args:
        results: Results folder.
        locks: The kernel's list, see ``man 5 proc_locks``.

    Returns:
        None if this system has no such list.
    """
    try:
        lines = locks.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    try:
        inode = (results / ".lock").stat().st_ino
    except OSError:
        return False
    for line in lines:
        parts = line.split()  # "1: FLOCK ADVISORY WRITE 4711 fd:01:1835022 0 EOF"
        held = len(parts) > 5 and parts[1] == "FLOCK" and parts[3] == "WRITE"
        # The device is not compared: in a container it may differ from that of stat.
        if held and parts[5].rpartition(":")[2] == str(inode):
            return True
    return False
