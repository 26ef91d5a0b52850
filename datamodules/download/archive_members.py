"""What an archive holds, zip and tar alike: a list of members that can be opened."""

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
_DRAIN_BYTES = 1 << 20


@dataclass(frozen=True)
class Member:
    """An entry of an archive.

    Attributes:
        name: As the archive has it, without ``./`` in front.
        size: In bytes, as the archive states it.
        flaw: Why it must not be written, or empty.
        handle: What its reader opens it by.
    """

    name: str
    size: int
    flaw: str
    handle: Any


class Members(ABC):
    """The entries of one archive, without directories, in the order in which they lie there."""

    @abstractmethod
    def list(self) -> Sequence[Member]:
        """Read the list, to the end of the archive if need be."""

    @abstractmethod
    def open(self, member: Member) -> IO[bytes]:
        """Open an entry."""

    @abstractmethod
    def close(self) -> None:
        """Close the archive."""


def open_members(file: IO[bytes]) -> Members:
    """Tell zip and tar apart by their first bytes."""
    head = file.read(2)
    file.seek(0)
    return _Zip(file) if head == b"PK" else _Tar(file)


class _Zip(Members):
    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file)

    def list(self) -> Sequence[Member]:
        infos = sorted(self._zip.infolist(), key=lambda info: info.header_offset)
        return [
            Member(info.filename, info.file_size, _zip_flaw(info), info)
            for info in infos
            if not (info.is_dir() or stat.S_ISDIR(_mode(info)))
        ]

    def open(self, member: Member) -> IO[bytes]:
        return self._zip.open(member.handle)

    def close(self) -> None:
        self._zip.close()


def _mode(info: zipfile.ZipInfo) -> int:
    """Return the Unix mode of a member; 0 where the archive was made elsewhere."""
    return info.external_attr >> 16


def _zip_flaw(info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(_mode(info)):
        return "is a link"
    if stat.S_IFMT(_mode(info)) not in (0, stat.S_IFREG):
        return "is a device"
    return "is encrypted" if info.flag_bits & _ENCRYPTED else ""


class _Tar(Members):
    """A tar archive, packed or not. Its list stands between its files, so it is read twice."""

    def __init__(self, file: IO[bytes]) -> None:
        with ExitStack() as stack:
            self._tar = stack.enter_context(tarfile.open(fileobj=file, mode="r:*"))
            self._close = stack.pop_all().close
        self._packed = self._tar.fileobj is not file

    def list(self) -> Sequence[Member]:
        infos = self._tar.getmembers()
        self._check_end()
        return [
            Member(info.name.removeprefix("./"), info.size, _tar_flaw(info), info)
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
        """Find out whether the end is there: `tarfile` takes any bad header for it."""
        file = self._tar.fileobj
        file.seek(self._tar.offset)
        mark = file.read(tarfile.BLOCKSIZE)
        if mark.strip(b"\0") or (len(mark) < tarfile.BLOCKSIZE and not self._packed):
            raise tarfile.ReadError(f"a bad header at byte {self._tar.offset:,}")
        while self._packed and file.read(_DRAIN_BYTES):
            pass  # the checksum of what was packed comes last


def _tar_flaw(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "is a link"
    return "" if info.isreg() else "is a device"
