"""Download of an archive, or of a copy of it that another server provides."""

from __future__ import annotations

from pathlib import Path

import pooch

from datamodules.common.errors import TagbenchError
from datamodules.common.progress import Progress
from datamodules.download.fetch import fetch, fetch_all
from datamodules.download.remote_file import RemoteFile


def fetch_or_copy(
    original: RemoteFile, copy: RemoteFile, folder: Path, progress: Progress, name: str
) -> Path:
    """Download an archive, or a copy if that fails or if the copy is there already.

    A copy whose content differs from the original is accepted, and the difference is announced.

    Args:
        original: The archive, with the sha256 of its publisher.
        copy: The copy.
        folder: Folder to download to.
        progress: Receives the number of downloaded bytes and the announcements.
        name: Name of the dataset, for messages.

    Returns:
        Path of the file.

    Raises:
        TagbenchError: Neither can be downloaded.
    """
    if not (folder / copy.name).is_file():
        try:
            return fetch_all([original], folder, progress)[0]
        except TagbenchError as error:
            progress.announce(f"{name}: {error}\nTrying a copy.")
    try:
        path = fetch(copy, folder, progress)
    except TagbenchError as error:
        raise TagbenchError(
            f"Neither the original archive of {name} nor a copy could be downloaded. {error}"
        ) from error
    if f"sha256:{pooch.file_hash(path)}" != original.checksum:
        progress.announce(
            f"{name}: {path} is not the original archive ({original.checksum}). Copies are known "
            "to differ; the digest of the corpus identifies the audio of its results."
        )
    return path
