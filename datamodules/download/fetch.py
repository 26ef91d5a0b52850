"""`fetch`: download a published file, continue an interrupted download, and verify the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
import requests

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import check_disk_space, exclusive_lock, replace_file
from datamodules.common.progress import Progress, Silent
from datamodules.download.http import Transfer, UnusableError
from datamodules.download.remote_file import HEAD_BYTES, Checksum, RemoteFile
from datamodules.download.resume import PartialDownload

RECORD = "checksums.json"
"""File in a download folder with the checksum, size and origin of each file."""

_ALGORITHMS = ("sha256", "sha1", "md5")


def fetch(remote: RemoteFile, folder: Path, progress: Progress | None = None) -> Path:
    """Return the path of a published file, downloaded and verified if necessary.

    A file that exists is verified unless that was done before and its size and time of
    modification are unchanged. Two processes do not download to one folder at the same time.

    Args:
        remote: The file.
        folder: Folder to download to; ``remote.name`` is a path below it.
        progress: Receives the number of downloaded bytes.

    Raises:
        TagbenchError: No address gives the file, with the reason at each of them; or the disk is
            full. Bytes from which a download can be continued are kept.
    """
    return _fetch(remote, folder, progress or Silent(), remote.name)


def fetch_all(
    remotes: Sequence[RemoteFile], folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Fetch several files, one after the other.

    Args:
        remotes: The files.
        folder: See `fetch`.
        progress: See `fetch`.

    Returns:
        Their paths, in the order of ``remotes``.

    Raises:
        TagbenchError: See `fetch`; or the files together do not fit on the disk, in which case
            nothing is downloaded.
    """
    needed, _ = missing_bytes(remotes, folder)
    if needed:
        folder.mkdir(parents=True, exist_ok=True)
        check_disk_space(folder, needed, "the download")
    titles = [f"{remote.name} ({n} of {len(remotes)})" for n, remote in enumerate(remotes, 1)]
    return [
        _fetch(remote, folder, progress or Silent(), title)
        for remote, title in zip(remotes, titles, strict=True)
    ]


def missing_bytes(remotes: Sequence[RemoteFile], folder: Path) -> tuple[int, int]:
    """Estimate what `fetch_all` would download.

    Returns:
        Number of bytes, and the number of files of unknown size, which are not counted in it.
    """
    missing, unknown = 0, 0
    for remote in remotes:
        path = folder / remote.name
        if path.is_file():
            continue
        partial = PartialDownload.of(path)
        size = remote.bytes or partial.total
        unknown += not size
        missing += max(size - partial.bytes, 0)
    return missing, unknown


def _fetch(remote: RemoteFile, folder: Path, progress: Progress, title: str) -> Path:
    files = _DownloadFolder(folder)
    path = folder / remote.name
    try:
        if files.is_verified(remote):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(
            folder / ".lock",
            lambda: progress.announce(f"Waiting for another process that downloads to {folder}"),
        ):
            if not files.is_verified(remote):
                _download(remote, files, Transfer(remote, path, progress, title))
    except OSError as error:
        raise TagbenchError(
            f"{path} could not be written: {error}. The bytes received so far are kept. Remove the "
            "cause, and run the same command again."
        ) from error
    return path


def _download(remote: RemoteFile, files: _DownloadFolder, transfer: Transfer) -> None:
    path = files.folder / remote.name
    problems = []
    if path.is_file():
        verification = files.verify(remote, path)
        if not verification.problem:
            files.record(remote, verification.checksum, files.entry(remote).get("url", ""))
            return
        problems.append(f"{path}: {verification.problem}")
    first_url = PartialDownload.of(path).url  # continue there
    with requests.Session() as session:
        session.headers["User-Agent"] = "tagbench"
        for url in sorted(remote.urls, key=lambda url: url != first_url):
            problem = _download_from(url, remote, files, transfer, session)
            if not problem:
                return
            problems.append(f"{url}: {problem}")
    tried = "".join(f"\n  {problem}" for problem in problems) or " No address is known."
    manual = f"{remote.manual} " if remote.manual else ""
    raise TagbenchError(
        f"{remote.name} could not be downloaded.{tried}\n{manual}Put it at {path} and run the "
        "same command again."
    )


def _download_from(
    url: str,
    remote: RemoteFile,
    files: _DownloadFolder,
    transfer: Transfer,
    session: requests.Session,
) -> str:
    """Download a file from one address; return why that failed, or an empty string."""
    path = files.folder / remote.name
    while True:
        try:
            is_continued = transfer.download(session, url)
        except UnusableError as error:
            return str(error)
        partial = PartialDownload.of(path)
        verification = files.verify(remote, partial.path)
        if not verification.problem:
            partial.move_to(path)
            files.record(remote, verification.checksum, url)
            return ""
        partial.remove()
        if not is_continued:  # otherwise try once more from the start: old bytes may be wrong
            return verification.problem


@dataclass(frozen=True)
class _Verification:
    """Result of verifying a file: its checksum, or the problem."""

    checksum: Checksum = ""
    problem: str = ""


class _DownloadFolder:
    """A download folder with its `RECORD`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entry(self, remote: RemoteFile) -> dict[str, Any]:
        """Return the entry of a file in the record; empty if there is none."""
        return self._read().get(remote.name, {})

    def is_verified(self, remote: RemoteFile) -> bool:
        """Tell whether a file exists, has been verified, and has not been modified since."""
        entry = self.entry(remote)
        if not entry or (remote.checksum and remote.checksum != _checksum(entry)):
            return False
        try:
            stat = (self.folder / remote.name).stat()
        except FileNotFoundError:
            return False
        return (stat.st_size, stat.st_mtime_ns) == (entry.get("bytes"), entry.get("mtime_ns"))

    def verify(self, remote: RemoteFile, path: Path) -> _Verification:
        """Check first bytes, size and checksum of a file."""
        size = path.stat().st_size
        with path.open("rb") as file:
            problem = remote.wrong_head(file.read(HEAD_BYTES))
        if not problem and remote.bytes not in (None, size):
            problem = f"got {size:,} bytes, expected {remote.bytes:,}"
        if problem:
            return _Verification(problem=problem)
        recorded = _checksum(self.entry(remote))
        expected = remote.checksum or recorded
        algorithm = expected.partition(":")[0] or _ALGORITHMS[0]
        checksum = f"{algorithm}:{pooch.file_hash(path, algorithm)}"
        if checksum == (expected or checksum):
            return _Verification(checksum)
        source = "" if remote.checksum else (
            f", that of the first download; if the publisher has a new version, delete the entry "
            f"{remote.name!r} in {self.folder / RECORD}"
        )  # fmt: skip
        problem = f"{algorithm} is {_digits(checksum)}, expected {_digits(expected)}{source}"
        return _Verification(problem=problem)

    def record(self, remote: RemoteFile, checksum: Checksum, url: str) -> None:
        """Write the entry of a file that has been verified."""
        stat = (self.folder / remote.name).stat()
        records = self._read()
        records[remote.name] = {
            checksum.partition(":")[0]: _digits(checksum),
            "bytes": stat.st_size,
            "mtime_ns": stat.st_mtime_ns,
            "url": url,
            # Compared with a published checksum, or with that of the first download.
            "verified" if remote.checksum else "recorded": True,
        }
        text = json.dumps(records, ensure_ascii=False, indent=1, sort_keys=True)
        replace_file(self.folder / RECORD, f"{text}\n".encode())

    def _read(self) -> dict[str, dict[str, Any]]:
        path = self.folder / RECORD
        try:
            records = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            records = None
        if not isinstance(records, dict):
            raise TagbenchError(
                f"{path} cannot be read: it is not a JSON object. Delete it and run the same "
                "command again: files with a published checksum are then verified again."
            )
        return records


def _checksum(entry: dict[str, Any]) -> Checksum:
    return next((f"{name}:{entry[name]}" for name in _ALGORITHMS if name in entry), "")


def _digits(checksum: Checksum) -> str:
    return checksum.partition(":")[2]
