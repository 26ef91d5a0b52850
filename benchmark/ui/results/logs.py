"""Log files of jobs: the newest ones, and their last lines as plain text."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.run.worker import LOGS
from datamodules.common.errors import TagbenchError

LAST_BYTES = 16 * 2**10
MOST_LOGS = 8

# Colours and cursor movements, titles of windows, and other control characters.
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


@dataclass(frozen=True)
class Log:
    """A log file.

    Attributes:
        name: Its name, ``<kind>-<id of the first cell of the job>.log``.
        size: Its size in bytes.
        changed: When it was last written, in seconds since 1970.
    """

    name: str
    size: int
    changed: float

    def shown(self, now: float) -> dict[str, Any]:
        """Return the JSON values for a page."""
        age = round(now - self.changed, 1)
        return {"name": self.name, "size": self.size, "changed_s": age}


def newest_logs(results: Path) -> list[Log]:
    """Return the log files that were written last, the latest first."""
    return sorted(_logs(results).values(), key=lambda log: -log.changed)[:MOST_LOGS]


def _logs(results: Path) -> dict[str, Log]:
    logs = {}
    try:
        for entry in os.scandir(results / LOGS):
            if entry.name.endswith(".log") and entry.is_file(follow_symlinks=False):
                status = entry.stat()
                logs[entry.name] = Log(entry.name, status.st_size, status.st_mtime)
    except OSError:  # no job has run, or the file was removed meanwhile
        pass
    return logs


def log_of(results: Path, cell: Mapping[str, Any]) -> Log | None:
    """Return the log of the job that a cell of a record was the first one of, if there is one."""
    return _logs(results).get(f"{cell['kind']}-{cell['id']}.log")


def read_log(results: Path, name: str) -> str:
    """Return the last lines of a log file.

    Args:
        results: Results folder.
        name: A name that the folder of logs lists.

    Raises:
        TagbenchError: There is no such log.
    """
    if name not in _logs(results):
        raise TagbenchError(f"There is no log {name!r} in {results / LOGS}.")
    with (results / LOGS / name).open("rb") as file:
        file.seek(0, os.SEEK_END)
        start = max(0, file.tell() - LAST_BYTES)
        file.seek(start)
        content = file.read(LAST_BYTES)
    text = content.decode("utf-8", errors="replace")
    return last_lines(text if not start else text.partition("\n")[2])


def last_lines(text: str) -> str:
    """Return the end of a text, without control characters and overwritten progress lines."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text[-LAST_BYTES:].split("\n")]
    return _CONTROL.sub("", "\n".join(lines))
