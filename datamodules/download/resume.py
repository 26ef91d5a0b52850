"""`PartialDownload`: the received bytes of an unfinished download, and where they came from."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from datamodules.common.filesystem import PARTIAL, replace_file


@dataclass(frozen=True)
class PartialDownload:
    """The received bytes of a file, ``<name>.part``, with a record in ``<name>.part.json``.

    Attributes:
        path: File of the received bytes.
        url: Address that they came from.
        validator: Entity tag or date of this version of the file, for ``If-Range``; may be empty.
        total: Size of the whole file in bytes as the server stated it, or 0.
    """

    path: Path
    url: str = ""
    validator: str = ""
    total: int = 0

    @classmethod
    def of(cls, path: Path) -> PartialDownload:
        """Return the partial download of ``path``, with its record if there is one."""
        partial = path.with_name(path.name + PARTIAL)
        try:
            record = json.loads(_record(partial).read_text(encoding="utf-8"))
            return cls(partial, str(record["url"]), str(record["validator"]), int(record["total"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(partial)

    @property
    def bytes(self) -> int:
        """Number of received bytes."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def write_record(self) -> None:
        """Write where the bytes come from."""
        record = {"url": self.url, "validator": self.validator, "total": self.total}
        replace_file(_record(self.path), json.dumps(record).encode())

    def remove(self) -> None:
        """Delete the bytes and their record."""
        self.path.unlink(missing_ok=True)
        _record(self.path).unlink(missing_ok=True)

    def move_to(self, path: Path) -> None:
        """Move the complete file to ``path``, and delete the record."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(path)
        _record(self.path).unlink(missing_ok=True)


def _record(partial: Path) -> Path:
    return partial.with_name(partial.name + ".json")
