"""`RemoteFile`: a file that a publisher serves, and what its first bytes must look like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from datamodules.common.errors import TagbenchError, unknown_name

Checksum = str
"""``"sha256:<hex>"``, ``"sha1:<hex>"``, ``"md5:<hex>"``, or empty if none is published."""

_Head = bytes  # a name for the type where `bytes` is a field
HEAD_BYTES = 512  # read by `RemoteFile.wrong_head`; the size of a tar header
_HEX_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}
_ARCHIVES = {"zip": "a zip archive", "gzip": "a gzip file", "tar": "a tar archive"}
_TITLES = {
    **_ARCHIVES, "npy": "a NumPy array", "sqlite": "an SQLite database", "text": "text", "": "data",
}  # fmt: skip
# Kind: (offset, accepted bytes).
_MAGIC = {
    "zip": (
        0,
        (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
    ),  # the last: of a split archive that was joined
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
        name: Path below the download folder of the dataset, with ``/``.
        urls: Addresses in the order in which they are tried: the publisher, then mirrors.
        checksum: Checksum of the whole file; if it is empty, that of the first download is
            recorded and compared with later ones.
        bytes: Size in bytes where known, for estimates and a first check.
        kind: Type of the file, checked by its first bytes: ``"zip"``, ``"gzip"``, ``"tar"``,
            ``"npy"``, ``"sqlite"``, ``"text"``, or empty for anything but an HTML page.
        manual: A sentence about how to get the file if every address fails.
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
        """Return why a file with these first bytes is not this file; empty if it may be.

        Args:
            head: The first ``HEAD_BYTES`` of the file, or all bytes of a shorter file.
        """
        title = _TITLES[self.kind]
        if not head:
            return f"got an empty file instead of {title}"
        if not self.name.endswith((".html", ".htm")) and _is_html(head):
            return f"got an HTML page instead of {title}"
        if self.kind in _MAGIC:
            offset, magics = _MAGIC[self.kind]
            is_good = head[offset:].startswith(magics)
        else:
            is_good = self.kind != "text" or b"\0" not in head
        return "" if is_good else f"got a file that is not {title}: it begins with {head[:16]!r}"

    def _check_checksum(self) -> None:
        algorithm, _, digits = self.checksum.partition(":")
        if algorithm not in _HEX_DIGITS:
            raise unknown_name("hash", algorithm, _HEX_DIGITS, f"File {self.name!r}")
        hexadecimal = set(digits) <= set("0123456789abcdef")
        if not hexadecimal or len(digits) != _HEX_DIGITS[algorithm]:
            raise TagbenchError(
                f"File {self.name!r}: {digits!r} is not a {algorithm}; expected "
                f"{_HEX_DIGITS[algorithm]} digits of 0-9 and a-f."
            )


def _is_html(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith(b"<") and any(mark in text for mark in _HTML)
