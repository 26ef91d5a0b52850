"""Settings of the user interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Names under which a browser reaches a server on the same machine."""


@dataclass(frozen=True)
class UiConfig:
    """What the server shows, and how it is reached.

    Attributes:
        results: Results folder.
        data_root: Folder of prepared corpora.
        checkpoints: Folders of checkpoints, and folders that contain such folders.
        token: Secret that a browser presents.
        host: Host name or address in the URL.
        port: Port in the URL.
        scratch: Folder of uploaded and computed audio; the caller removes it.
        upload_bytes: Maximum size of an uploaded file.
        decode_seconds: Maximum duration of the decoding of an uploaded file.
        decode_bytes: Maximum address space of the process that decodes uploaded files.
        job_seconds: Maximum duration of an analysis.
    """

    results: Path
    data_root: Path
    checkpoints: tuple[Path, ...]
    token: str = field(repr=False)
    port: int
    scratch: Path
    host: str = "127.0.0.1"
    upload_bytes: int = 512 * 2**20
    decode_seconds: float = 120.0
    decode_bytes: int = 4 * 2**30
    job_seconds: float = 1800.0

    @property
    def hosts(self) -> frozenset[str]:
        """Accepted values of the header ``Host``."""
        return frozenset(f"{name}:{self.port}" for name in (*LOOPBACK, self.host))
