"""`fetch`: get a published file, continued where it broke off and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import requests

from datamodules.errors import TagbenchError
from datamodules.files import replace_file
from datamodules.progress import Progress
from datamodules.remote import Remote


def fetch(remote: Remote, folder: Path, progress: Progress | None = None) -> Path:
    """Return ``folder / remote.name``, downloaded if need be."""
    path = folder / remote.name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    for url in remote.urls:
        reply = requests.get(url, timeout=60)
        if reply.ok:
            replace_file(path, reply.content)
            return path
    raise TagbenchError(f"{remote.name} could not be downloaded. {remote.manual}")


def fetch_all(
    remotes: Sequence[Remote], folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Fetch several files, in order."""
    return [fetch(remote, folder, progress) for remote in remotes]


def missing_bytes(remotes: Sequence[Remote], folder: Path) -> tuple[int, int]:
    """Return the bytes still to come, and the number of files of unknown size."""
    missing = [remote for remote in remotes if not (folder / remote.name).is_file()]
    return sum(r.bytes or 0 for r in missing), sum(r.bytes is None for r in missing)
