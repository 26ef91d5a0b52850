"""Removal of the messages that libmpg123 prints about damaged MP3 files.

The messages do not name the file, and `datamodules.audio.decode` detects and reports the same
defects.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_STDERR = 2
_MESSAGE = re.compile(
    rb"\[[^]\n]*libmpg123[^]\n]*\] (error|warning): [^\n]*\n?"
    rb"|Note: (Illegal|Trying|Hit end|Skipped|missing|Junk|Could be|Looks like|broken)[^\n]*\n?"
    rb"|Warning: (Xing|Encountered more|Big change|Real sample count)[^\n]*\n?"
)


class _Redirection:
    """Standard error of the process, collected in a file while any thread decodes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._terminal = -1
        self._collected: BinaryIO | None = None
        self._forwarded = 0

    def start(self) -> None:
        with self._lock:
            self._threads += 1
            if self._threads == 1:
                self._redirect()

    def stop(self) -> None:
        with self._lock:
            self._threads -= 1
            if self._collected is None:
                return
            if self._threads == 0:
                os.dup2(self._terminal, _STDERR)
            self._forward(self._collected.fileno())
            if self._threads == 0:
                os.close(self._terminal)
                self._collected.close()
                self._collected = None

    def _redirect(self) -> None:
        try:
            if sys.stderr is not None:
                sys.stderr.flush()
            self._terminal = os.dup(_STDERR)
        except (OSError, ValueError):
            return  # standard error is closed
        try:
            self._collected = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed by stop
            self._forwarded = 0
            os.dup2(self._collected.fileno(), _STDERR)
        except OSError:  # the disk is full: decode without redirection
            os.close(self._terminal)
            self._collected = None

    def _forward(self, file: int) -> None:
        """Write what other parts of the program have printed since the last call."""
        # The descriptor shares its position with standard error: read without moving it.
        text = os.pread(file, os.fstat(file).st_size - self._forwarded, self._forwarded)
        self._forwarded += len(text)
        if rest := _MESSAGE.sub(b"", text):
            with suppress(OSError):  # the reader of standard error has closed it
                os.write(self._terminal, rest)


_redirection = _Redirection()


@contextmanager
def without_decoder_messages() -> Iterator[None]:
    """Remove the messages of libmpg123 from standard error while the block runs.

    What anything else in the process writes there appears when the block ends.
    """
    _redirection.start()
    try:
        yield
    finally:
        _redirection.stop()
