"""Numbers with units, for messages."""

from __future__ import annotations


def human_bytes(count: float) -> str:
    """Return a number of bytes with a decimal unit, such as ``"1.4 GB"``."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def human_duration(seconds: float) -> str:
    """Return a duration in minutes, or in hours from one hour on, such as ``"1.5 h"``."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
