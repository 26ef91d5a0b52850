"""Reader of the checksum lists of MTG-Jamendo (Bogdanov et al., 2019)."""

from __future__ import annotations

import re
from pathlib import Path

from datamodules.common.errors import not_as_published


def read_checksums(path: Path) -> dict[str, str]:
    """Return the sha256 of each listed file, by name.

    Each line is a sha256 in hexadecimal digits, a space and a name.

    Raises:
        TagbenchError: A line is not of this form.
    """
    checksums = {}
    text = path.read_text(encoding="ascii", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        sha256, _, name = line.partition(" ")
        if not (re.fullmatch(r"[0-9a-f]{64}", sha256) and name):
            raise not_as_published(path, number, f"expected a sha256 and a name, found {line!r}")
        checksums[name.strip()] = sha256
    return checksums
