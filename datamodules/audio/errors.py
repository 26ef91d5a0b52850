"""Error for a source without usable audio."""

from __future__ import annotations

from datamodules.common.errors import TagbenchError


class AudioError(TagbenchError):
    """Raised when a source has no usable audio.

    Attributes:
        reason: What is wrong, without the name of the file.
        label: Name of the source.
        transient: Whether another attempt may succeed, because the file could not be reached.
    """

    def __init__(self, reason: str, label: str = "", *, transient: bool = False) -> None:
        self.reason = reason
        self.label = label
        self.transient = transient
        super().__init__(f"{label}: {reason}" if label else reason)


def unreadable(error: OSError, label: str) -> AudioError:
    """Return the error for a file that the operating system could not read."""
    if isinstance(error, FileNotFoundError):
        return AudioError("missing file", label, transient=True)
    return AudioError(f"unreadable: {error.strerror}", label, transient=True)
