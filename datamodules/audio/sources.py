"""Sources of audio: files, and recordings that are known to be unusable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from datamodules.audio.block_decoder import Float32
from datamodules.audio.decode import decode, header_seconds
from datamodules.audio.errors import AudioError, unreadable


@dataclass(frozen=True)
class FileSource:
    """An audio file.

    Attributes:
        path: Its location on this machine.
        label: Its path relative to the root of the dataset, the same on every machine.
    """

    path: Path
    label: str

    def sha256(self) -> str:
        """Return the hexadecimal SHA-256 digest of the bytes of the file."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unreadable(error, self.label) from None

    def read(self, sample_rate: int) -> Float32:
        """Decode the file to float32 of shape ``(T,)`` at ``sample_rate`` Hz."""
        return decode(self.path, sample_rate, self.label)

    def seconds(self) -> float | None:
        """Return the length that the header states; see `header_seconds`."""
        return header_seconds(self.path)

    def stamp(self) -> str:
        """Return size and modification time of the file, or an empty string if it is missing."""
        try:
            status = self.path.stat()
        except OSError:
            return ""
        return f"{status.st_size}:{status.st_mtime_ns}"


@dataclass(frozen=True)
class KnownBad:
    """A recording that its publisher lists but that has no usable audio.

    Attributes:
        label: Path relative to the root of the dataset, as in `FileSource`.
        reason: What is wrong with it.
    """

    label: str
    reason: str

    def sha256(self) -> str:
        """Raise an `AudioError` with the reason."""
        raise AudioError(f"known fault: {self.reason}", self.label)

    def read(self, sample_rate: int) -> Float32:
        """Raise an `AudioError` with the reason."""
        raise AudioError(f"known fault: {self.reason}", self.label)
