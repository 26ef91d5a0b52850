"""`Part`: what has come of a file that is being downloaded."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from datamodules.common.filesystem import PARTIAL, replace_file


@dataclass(frozen=True)
class PartialDownload:
    """What is there of a file so far, ``<name>.part``, and where it came from.

    Attributes:
        path: Of the bytes.
        url: They were sent from here.
        validator: The server's name for this version of the file, for ``If-Range``; or empty.
        total: Size of the whole file as the server told it, or 0.
    """

    path: Path
    url: str = ""
    validator: str = ""
    total: int = 0

    @classmethod
    def of(cls, path: Path) -> PartialDownload:
        """Read what is known of the part of ``path``."""
        part = path.with_name(path.name + PARTIAL)
        try:
            known = json.loads(_notes(part).read_text(encoding="utf-8"))
            return cls(part, str(known["url"]), str(known["validator"]), int(known["total"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(part)

    @property
    def bytes(self) -> int:
        """How many bytes are there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def write_notes(self) -> None:
        """Remember where the bytes come from."""
        notes = {"url": self.url, "validator": self.validator, "total": self.total}
        replace_file(_notes(self.path), json.dumps(notes).encode())

    def remove(self) -> None:
        """Delete the bytes and what is known of them."""
        self.path.unlink(missing_ok=True)
        _notes(self.path).unlink(missing_ok=True)

    def become(self, path: Path) -> None:
        """Make the file of the part."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(path)
        _notes(self.path).unlink(missing_ok=True)


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")
