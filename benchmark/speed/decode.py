"""Decoding alone, for worker processes that import only soundfile."""

from __future__ import annotations

from pathlib import Path


def decode(file: Path) -> int:
    """Decode a file at its own sample rate, and return the number of frames."""
    import soundfile

    return len(soundfile.read(file, dtype="float32")[0])
