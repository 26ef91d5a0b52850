"""`RemoteFile`: a file that a publisher serves, and what its first bytes must look like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from datamodules.common.errors import TagbenchError, unknown_name

Checksum = str
"""``"sha256:<hex>"``, ``"sha1:<hex>"``, ``"md5:<hex>"``, or empty when nobody has published one."""

_Head = bytes  # a name for the type where `bytes` is a field
HEAD_BYTES = 512  # as many as `RemoteFile.wrong_head` wants to see; a tar header
_HEX_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}
_ARCHIVES = {"zip": "a zip archive", "gzip": "a gzip file", "tar": "a tar archive"}
_TITLES = {
    **_ARCHIVES, "npy": "a NumPy array", "sqlite": "an SQLite database", "text": "text", "": "data",
}  # fmt: skip
# Kind: (position, what may stand there).
_MAGIC = {
    "zip": (0, (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")),  # the last: once split, now joined
    "gzip": (0, (b"\x1f\x8b",)),
    "tar": (257, (b"ustar",)),
    "npy": (0, (b"\x93NUMPY",)),
    "sqlite": (0, (b"SQLite format 3\x00",)),
}
_HTML = (b"<!doctype html", b"<html", b"<head", b"<script")


@dataclass(frozen=True)
class RemoteFile:
    """A file that a publisher serves.

    Attributes:
        name: Path below the dataset's download folder, with ``/``.
        urls: Tried in order: the publisher first, then mirrors.
        checksum: Of the whole file; empty where none is published, then that of the first
            download is kept.
        bytes: Size where known, for estimates and a first check.
        kind: What the first bytes must be: ``"zip"``, ``"gzip"``, ``"tar"``, ``"npy"``,
            ``"sqlite"``, ``"text"``, or empty for anything but an HTML page.
        manual: A sentence: how to get the file by hand where every address fails.
    """

    name: str
    urls: tuple[str, ...]
    checksum: Checksum = ""
    bytes: int | None = None
    kind: str = ""
    manual: str = ""

    def __post_init__(self) -> None:
        path = PurePosixPath(self.name)
        if not path.parts or path.is_absolute() or ".." in path.parts:
            raise TagbenchError(f"File {self.name!r}: the name must be a path below a folder.")
        if self.kind not in _TITLES:
            raise unknown_name("kind of file", self.kind, _TITLES, f"File {self.name!r}")
        if self.checksum:
            self._check_checksum()

    def wrong_head(self, head: _Head) -> str:
        """Return what is wrong with a file that begins like this, or an empty string.

        Args:
            head: Its first ``HEAD_BYTES``, or all of a shorter file.
        """
        title = _TITLES[self.kind]
        if not head:
            return f"got an empty file instead of {title}"
        if not self.name.endswith((".html", ".htm")) and _is_html(head):
            return f"got an HTML page instead of {title}"
        if self.kind in _MAGIC:
            at, magics = _MAGIC[self.kind]
            good = head[at:].startswith(magics)
        else:
            good = self.kind != "text" or b"\0" not in head
        return "" if good else f"got something else than {title}: it begins with {head[:16]!r}"

    def _check_checksum(self) -> None:
        algorithm, _, digits = self.checksum.partition(":")
        if algorithm not in _HEX_DIGITS:
            raise unknown_name("hash", algorithm, _HEX_DIGITS, f"File {self.name!r}")
        hexadecimal = set(digits) <= set("0123456789abcdef")
        if not hexadecimal or len(digits) != _HEX_DIGITS[algorithm]:
            raise TagbenchError(
                f"File {self.name!r}: {digits!r} is no {algorithm}; expected "
                f"{_HEX_DIGITS[algorithm]} digits of 0-9 and a-f."
            )


def _is_html(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith(b"<") and any(mark in text for mark in _HTML)
