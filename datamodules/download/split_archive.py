"""`SplitArchive`: files that are pieces of one file, read as if they were one."""

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
    """A read-only file over consecutive parts; nothing is written anywhere.

    Args:
        paths: The parts in order.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        with ExitStack() as stack:
            self._files = [stack.enter_context(path.open("rb")) for path in paths]
            self._stack = stack.pop_all()
        # Where each part begins, and where the last one ends.
        self._begins = [0, *accumulate(path.stat().st_size for path in paths)]
        self._at = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return the position in the whole."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in the whole."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._begins[-1]}[whence]
        if base + offset < 0:
            raise ValueError(f"position {base + offset} is before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        """Read up to the end of the buffer or of a part."""
        if self._at >= self._begins[-1]:
            return 0
        part = bisect_right(self._begins, self._at) - 1
        file = self._files[part]
        file.seek(self._at - self._begins[part])
        count = file.readinto(buffer)
        self._at += count
        return count

    def close(self) -> None:
        """Close the parts."""
        self._stack.close()
        super().close()
