"""Small datasets in the exact formats of their publishers, to be served from localhost.

A module for each dataset has ``publish(folder)``, which writes what the publisher's server holds.
`relocated` points a dataset class at such a server: addresses, checksums and sizes are replaced,
and nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from datamodules.download.remote_file import RemoteFile
from datamodules.published_dataset import PublishedDataset


def relocated(
    cls: type[PublishedDataset], url: str, folder: Path, **constants: Any
) -> type[PublishedDataset]:
    """Return a subclass whose files come from ``url``, where ``folder`` is served.

    Args:
        cls: A published dataset.
        url: Address of the folder.
        folder: What ``publish`` wrote; a file the class names and the folder lacks gives a 404.
        constants: Class attributes to replace, such as the counts that are proved.
    """

    def move(value: Any) -> Any:
        if isinstance(value, RemoteFile):
            return _moved(value, url, folder)
        if isinstance(value, tuple):
            return tuple(move(item) for item in value)
        if isinstance(value, dict):
            return {key: move(item) for key, item in value.items()}
        return value

    found: dict[str, Any] = {}
    for owner in reversed(cls.__mro__):
        for name, value in vars(owner).items():
            if not name.startswith("__") and move(value) is not value:
                moved = move(value)
                if moved != value:
                    found[name] = moved
    return type(
        f"Local{cls.__name__}", (cls,), {"__module__": cls.__module__, **found, **constants}
    )


def _moved(remote: RemoteFile, url: str, folder: Path) -> RemoteFile:
    file = folder / remote.name
    content = file.read_bytes() if file.is_file() else b""
    return replace(
        remote,
        urls=(f"{url.rstrip('/')}/{remote.name}",),
        checksum=f"sha256:{hashlib.sha256(content).hexdigest()}" if remote.checksum else "",
        bytes=len(content) or None,
    )
