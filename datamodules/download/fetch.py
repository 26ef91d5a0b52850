"""`fetch`: get a published file, continued where it broke off and checked."""

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
"""File in a download folder: what each file was found to be, and where it came from."""

_ALGORITHMS = ("sha256", "sha1", "md5")


def fetch(remote: RemoteFile, folder: Path, progress: Progress | None = None) -> Path:
    """Return a published file, downloaded if need be and checked.

    A file that lies there is trusted if it was checked before and has not been touched since;
    else it is checked again. Two processes do not download to one folder at once.

    Args:
        remote: The file.
        folder: Its name is a path below this folder.
        progress: Is told of the bytes that come.

    Raises:
        TagbenchError: If no address gives the file, with what went wrong at each of them; or if
            the disk is full. Bytes that can be continued are kept.
    """
    return _fetch(remote, folder, progress or Silent(), remote.name)


def fetch_all(
    remotes: Sequence[RemoteFile], folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Fetch several files one after the other.

    Args:
        remotes: The files.
        folder: See `fetch`.
        progress: See `fetch`.

    Returns:
        Their paths, in the order of ``remotes``.

    Raises:
        TagbenchError: As `fetch` does, or before anything is fetched if all of them together do
            not fit on the disk.
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
        Bytes still to come, and the number of files of unknown size, which are not among them.
    """
    missing, unknown = 0, 0
    for remote in remotes:
        path = folder / remote.name
        if path.is_file():
            continue
        part = PartialDownload.of(path)
        size = remote.bytes or part.total
        unknown += not size
        missing += max(size - part.bytes, 0)
    return missing, unknown


def _fetch(remote: RemoteFile, folder: Path, progress: Progress, title: str) -> Path:
    files = _Folder(folder)
    path = folder / remote.name
    try:
        if files.trusts(remote):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(
            folder / ".lock",
            lambda: progress.announce(f"Waiting for another process that downloads to {folder}"),
        ):
            if not files.trusts(remote):
                _obtain(remote, files, Transfer(remote, path, progress, title))
    except OSError as error:
        raise TagbenchError(
            f"{path} could not be written: {error}. What has come so far is kept: mend that, and "
            "run the same command again."
        ) from error
    return path


def _obtain(remote: RemoteFile, files: _Folder, transfer: Transfer) -> None:
    path = files.folder / remote.name
    problems = []
    if path.is_file():
        found = files.examine(remote, path)
        if not found.wrong:
            files.record(remote, found.checksum, files.known(remote).get("url", ""))
            return
        problems.append(f"{path}: {found.wrong}")
    begun = PartialDownload.of(path).url
    with requests.Session() as session:
        session.headers["User-Agent"] = "tagbench"
        for url in sorted(remote.urls, key=lambda url: url != begun):
            wrong = _take(remote, files, transfer, session, url)
            if not wrong:
                return
            problems.append(f"{url}: {wrong}")
    tried = "".join(f"\n  {problem}" for problem in problems) or " No address of it is known."
    manual = f"{remote.manual} " if remote.manual else ""
    raise TagbenchError(
        f"{remote.name} could not be downloaded.{tried}\n{manual}Put it at {path} and run the "
        "same command again."
    )


def _take(
    remote: RemoteFile, files: _Folder, transfer: Transfer, session: requests.Session, url: str
) -> str:
    """Get a file from one address; return what went wrong there, or an empty string."""
    path = files.folder / remote.name
    while True:
        try:
            continued = transfer.bring(session, url)
        except UnusableError as error:
            return str(error)
        part = PartialDownload.of(path)
        found = files.examine(remote, part.path)
        if not found.wrong:
            part.become(path)
            files.record(remote, found.checksum, url)
            return ""
        part.remove()
        if not continued:  # else the old bytes may be to blame, so once more from the start
            return found.wrong


@dataclass(frozen=True)
class _Found:
    """What a look at a file gave: its checksum, or what is wrong."""

    checksum: Checksum = ""
    wrong: str = ""


class _Folder:
    """A download folder and its record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def known(self, remote: RemoteFile) -> dict[str, Any]:
        """Return what the record says about a file."""
        return self._read().get(remote.name, {})

    def trusts(self, remote: RemoteFile) -> bool:
        """Say whether a file is there, was checked, and is as it was then."""
        known = self.known(remote)
        if not known or (remote.checksum and remote.checksum != _checksum(known)):
            return False
        try:
            stat = (self.folder / remote.name).stat()
        except FileNotFoundError:
            return False
        return (stat.st_size, stat.st_mtime_ns) == (known.get("bytes"), known.get("mtime_ns"))

    def examine(self, remote: RemoteFile, path: Path) -> _Found:
        """Check size, first bytes and checksum of a file."""
        size = path.stat().st_size
        with path.open("rb") as file:
            wrong = remote.wrong_head(file.read(HEAD_BYTES))
        if not wrong and remote.bytes not in (None, size):
            wrong = f"got {size:,} bytes, expected {remote.bytes:,}"
        if wrong:
            return _Found(wrong=wrong)
        recorded = _checksum(self.known(remote))
        expected = remote.checksum or recorded
        algorithm = expected.partition(":")[0] or _ALGORITHMS[0]
        checksum = f"{algorithm}:{pooch.file_hash(path, algorithm)}"
        if checksum == (expected or checksum):
            return _Found(checksum)
        source = "" if remote.checksum else (
            f", as the first download was; if the publisher has a new version, delete the entry "
            f"{remote.name!r} in {self.folder / RECORD}"
        )  # fmt: skip
        return _Found(
            wrong=f"{algorithm} is {_digits(checksum)}, expected {_digits(expected)}{source}"
        )

    def record(self, remote: RemoteFile, checksum: Checksum, url: str) -> None:
        """Remember a file that was checked."""
        stat = (self.folder / remote.name).stat()
        records = self._read()
        records[remote.name] = {
            checksum.partition(":")[0]: _digits(checksum),
            "bytes": stat.st_size,
            "mtime_ns": stat.st_mtime_ns,
            "url": url,
            # Held against a published checksum, or the first of its name that came.
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
                f"{path} cannot be read any more. Delete it and run the same command again: the "
                "files beside it are then checked anew, where a checksum of them is published."
            )
        return records


def _checksum(known: dict[str, Any]) -> Checksum:
    return next((f"{name}:{known[name]}" for name in _ALGORITHMS if name in known), "")


def _digits(checksum: Checksum) -> str:
    return checksum.partition(":")[2]
