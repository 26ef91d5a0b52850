"""A common interface to the members of zip and tar archives."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any

_ENCRYPTED = 0x1  # flag of a zip member
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Member:
    """A member of an archive that is not a directory.

    Attributes:
        name: Its name in the archive, without a leading ``./``.
        size: Its size in bytes, as the archive states it.
        defect: Why it must not be extracted; empty if it may be.
        handle: The object by which `zipfile` or `tarfile` opens it.
    """

    name: str
    size: int
    defect: str
    handle: Any


class Archive(ABC):
    """A zip or tar archive that is open for reading."""

    @abstractmethod
    def list(self) -> Sequence[Member]:
        """Return the members in the order of their data; a tar archive is read to its end."""

    @abstractmethod
    def open(self, member: Member) -> IO[bytes]:
        """Open a member for reading."""

    @abstractmethod
    def close(self) -> None:
        """Close the archive."""


def open_archive(file: IO[bytes]) -> Archive:
    """Open an archive, which is a zip or a tar archive by its first bytes."""
    head = file.read(2)
    file.seek(0)
    return _ZipArchive(file) if head == b"PK" else _TarArchive(file)


class _ZipArchive(Archive):
    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file)

    def list(self) -> Sequence[Member]:
        infos = sorted(self._zip.infolist(), key=lambda info: info.header_offset)
        return [
            Member(info.filename, info.file_size, _zip_defect(info), info)
            for info in infos
            if not (info.is_dir() or stat.S_ISDIR(_mode(info)))
        ]

    def open(self, member: Member) -> IO[bytes]:
        return self._zip.open(member.handle)

    def close(self) -> None:
        self._zip.close()


def _mode(info: zipfile.ZipInfo) -> int:
    """Return the Unix mode of a member; 0 if the archive was not made on Unix."""
    return info.external_attr >> 16


def _zip_defect(info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(_mode(info)):
        return "is a link"
    if stat.S_IFMT(_mode(info)) not in (0, stat.S_IFREG):
        return "is a device"
    return "is encrypted" if info.flag_bits & _ENCRYPTED else ""


class _TarArchive(Archive):
    """A tar archive, compressed or not. Its headers are between its files, so it is read twice."""

    def __init__(self, file: IO[bytes]) -> None:
        with ExitStack() as stack:
            self._tar = stack.enter_context(tarfile.open(fileobj=file, mode="r:*"))
            self._close = stack.pop_all().close
        self._is_compressed = self._tar.fileobj is not file

    def list(self) -> Sequence[Member]:
        infos = self._tar.getmembers()
        self._check_end()
        return [
            Member(info.name.removeprefix("./"), info.size, _tar_defect(info), info)
            for info in infos
            if not info.isdir()
        ]

    def open(self, member: Member) -> IO[bytes]:
        file = self._tar.extractfile(member.handle)
        if file is None:
            raise tarfile.ReadError("the member has no content")
        return file

    def close(self) -> None:
        self._close()

    def _check_end(self) -> None:
        """Check that the archive is complete: `tarfile` takes any bad header for the end."""
        file = self._tar.fileobj
        file.seek(self._tar.offset)
        mark = file.read(tarfile.BLOCKSIZE)
        if mark.strip(b"\0") or (len(mark) < tarfile.BLOCKSIZE and not self._is_compressed):
            raise tarfile.ReadError(f"a bad header at byte {self._tar.offset:,}")
        while self._is_compressed and file.read(_CHUNK_BYTES):
            pass  # reading to the end verifies the checksum of the compressed data


def _tar_defect(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "is a link"
    return "" if info.isreg() else "is a device"
