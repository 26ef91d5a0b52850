"""`SplitArchive`: consecutive parts of a file, read as one file."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


class SplitArchive(io.RawIOBase):
    """A read-only, seekable file that consists of consecutive parts.

    Args:
        paths: The parts, in order.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        with ExitStack() as stack:
            self._files = [stack.enter_context(path.open("rb")) for path in paths]
            self._stack = stack.pop_all()
        # Position of the first byte of each part, and the total size.
        self._starts = [0, *accumulate(path.stat().st_size for path in paths)]
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in bytes."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._starts[-1]}[whence]
        if base + offset < 0:
            raise ValueError(f"position {base + offset} is before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        """Read until the buffer is full or the part ends; return the number of bytes."""
        if self._position >= self._starts[-1]:
            return 0
        part = bisect_right(self._starts, self._position) - 1
        file = self._files[part]
        file.seek(self._position - self._starts[part])
        count = file.readinto(buffer)
        self._position += count
        return count

    def close(self) -> None:
        """Close the parts."""
        self._stack.close()
        super().close()
