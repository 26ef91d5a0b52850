"""`ChecksumList`: a published list with the sha256 of each file of a collection."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from datamodules.common.errors import TagbenchError, not_as_published


@dataclass(frozen=True)
class ChecksumList:
    """Checksums of files.

    Attributes:
        path: The list.
        sha256: Sha256 of each file in hexadecimal digits, by name.
    """

    path: Path
    sha256: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> ChecksumList:
        """Read lines with a sha256 in hexadecimal digits, a space and a name.

        Raises:
            TagbenchError: A line is not of this form.
        """
        checksums = {}
        text = path.read_text(encoding="ascii", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            sha256, _, name = line.partition(" ")
            if not (re.fullmatch(r"[0-9a-f]{64}", sha256) and name):
                what = f"expected a sha256 and a name, found {line!r}"
                raise not_as_published(path, number, what)
            checksums[name.strip()] = sha256
        return cls(path, checksums)

    def __getitem__(self, name: str) -> str:
        """Return the sha256 of a file.

        Raises:
            TagbenchError: The list does not contain the file.
        """
        if name not in self.sha256:
            raise TagbenchError(
                f"{self.path} has no checksum of {name}. Delete the file and run the same command "
                "again."
            )
        return self.sha256[name]
