"""One address to one file: continued where it broke off, tried again, and never half trusted."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from http.client import IncompleteRead
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from datamodules.common.filesystem import check_disk_space
from datamodules.common.progress import Progress
from datamodules.download.remote_file import HEAD_BYTES, RemoteFile
from datamodules.download.resume import PartialDownload

ATTEMPTS = 5  # in a row that bring nothing new
BACKOFF_S = 1.0  # doubled after each of them
_TIMEOUTS_S = (10.0, 60.0)  # to connect, between two bytes
_CHUNK_BYTES = 1 << 16
_FOR_NOW = (408, 425, 429, 500, 502, 503, 504)  # HTTP statuses that may pass
_HOPELESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.SSLError,
    requests.exceptions.TooManyRedirects,
)


class UnusableError(Exception):
    """What an address serves cannot be used, and trying it again would not help."""


class _BrokenError(Exception):
    """A connection failed; another attempt may go on from there."""


class Transfer:
    """Brings one remote file to its part.

    Args:
        remote: The file.
        path: Where it will lie; the bytes go to the part beside it.
        progress: Is told of each byte, also of those that were there before.
        title: Of the progress.
    """

    def __init__(self, remote: RemoteFile, path: Path, progress: Progress, title: str) -> None:
        self._remote = remote
        self._path = path
        self._progress = progress
        self._title = title
        self._shown: int | None = None  # bytes that progress knows of

    def bring(self, session: requests.Session, url: str) -> bool:
        """Fill the part from one address.

        Returns:
            Whether some of the bytes were there before, from an earlier run or connection.

        Raises:
            UnusableError: If the address does not give the file; the text says why. Bytes that may
                be continued another day are kept.
            TagbenchError: If the disk is too small.
        """
        if not url.lower().startswith(("http://", "https://")):
            raise UnusableError("only http and https addresses are fetched")
        if PartialDownload.of(self._path).url != url and not self._remote.checksum:
            PartialDownload.of(self._path).remove()
        continued = False
        tries, most = 0, PartialDownload.of(self._path).bytes
        try:
            while True:
                continued |= PartialDownload.of(self._path).bytes > 0
                try:
                    self._attempt(session, url)
                except _BrokenError as error:
                    have = PartialDownload.of(self._path).bytes
                    tries = 1 if have > most else tries + 1
                    most = max(most, have)
                    if tries >= ATTEMPTS:
                        raise UnusableError(f"{error} (attempts: {tries})") from error
                    time.sleep(BACKOFF_S * 2 ** (tries - 1))
                else:
                    return continued
        finally:
            if self._shown is not None:
                self._progress.finish()
                self._shown = None

    def _attempt(self, session: requests.Session, url: str) -> None:
        part = PartialDownload.of(self._path)
        have = part.bytes
        if have and have == part.total:
            return
        # A body that is packed for the way could not be continued at a byte of the file.
        headers = {"Accept-Encoding": "identity"}
        validator = part.validator if part.url == url else ""
        if have and (validator or self._remote.checksum):  # else a change would go unnoticed
            headers["Range"] = f"bytes={have}-"
            if validator:
                headers["If-Range"] = validator
        with _request(session, url, headers) as reply:
            if reply.status_code == requests.codes.requested_range_not_satisfiable:
                part.remove()
                raise _BrokenError("the server refused to continue the file")
            if not reply.ok:
                _refuse(reply)
            self._receive(reply, part, url, have if "Range" in headers else 0)

    def _receive(
        self, reply: requests.Response, part: PartialDownload, url: str, asked: int
    ) -> None:
        start, total = _extent(reply, asked)
        if start not in (0, asked):
            part.remove()
            raise _BrokenError("the server continued the file at another byte")
        if start and part.total and total != part.total:
            part.remove()
            raise _BrokenError("the server has another version of the file by now")
        chunks = _chunks(reply)
        chunk = next(chunks, b"")
        if not start:
            self._check_begin(chunk, total)
        check_disk_space(self._path.parent, total - start, self._remote.name)
        with part.path.open("ab" if start else "wb") as file:
            part = PartialDownload(part.path, url, _validator(reply), total)
            part.write_notes()
            self._show(start, total)
            while chunk:
                file.write(chunk)
                self._show(file.tell(), total)
                chunk = next(chunks, b"")
        self._check_end(part)

    def _check_begin(self, chunk: bytes, total: int) -> None:
        """Refuse what cannot be the file before all of it has come."""
        wrong = self._remote.wrong_head(chunk[:HEAD_BYTES])
        expected = self._remote.bytes
        if not wrong and expected is not None and total not in (0, expected):
            wrong = f"the file there has {total:,} bytes, expected {expected:,}"
        if wrong:
            raise UnusableError(wrong)

    def _check_end(self, part: PartialDownload) -> None:
        have, promised = part.bytes, part.total or self._remote.bytes or 0
        if have < promised:
            raise _BrokenError(f"the connection ended after {have:,} of {promised:,} bytes")

    def _show(self, have: int, total: int) -> None:
        if self._shown is None:
            self._progress.start(total or self._remote.bytes or 0, "bytes", self._title)
            self._shown = 0
        if have != self._shown:
            self._progress.advance(have - self._shown)
            self._shown = have


def _request(session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    try:
        return session.get(url, headers=headers, stream=True, timeout=_TIMEOUTS_S)
    except _HOPELESS as error:
        raise UnusableError(_reason(error)) from error
    except (requests.RequestException, HTTPError) as error:
        raise _BrokenError(_reason(error)) from error


def _chunks(reply: requests.Response) -> Iterator[bytes]:
    """Yield the body as it was sent: some servers call a .tar.gz packed for the way."""
    try:
        while chunk := reply.raw.read(_CHUNK_BYTES, decode_content=False):
            yield chunk
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _BrokenError(_reason(error)) from error


def _refuse(reply: requests.Response) -> None:
    text = f"{reply.status_code} {reply.reason or ''}".strip()
    raise _BrokenError(text) if reply.status_code in _FOR_NOW else UnusableError(text)


def _extent(reply: requests.Response, asked: int) -> tuple[int, int]:
    """Return the first byte of a body, and the size of the whole file or 0."""
    if reply.status_code == requests.codes.partial_content:
        found = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)", reply.headers.get("Content-Range", "").strip()
        )
        if not found:
            return -1, 0
        return int(found[1]), int(found[2]) if found[2] != "*" else 0
    length = reply.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else 0


def _validator(reply: requests.Response) -> str:
    """Return what ``If-Range`` may name: RFC 9110, 13.1.5, excludes weak entity tags."""
    tag = reply.headers.get("ETag", "")
    return tag if tag.startswith('"') else reply.headers.get("Last-Modified", "")


def _reason(error: BaseException) -> str:
    """Return the innermost cause in few words; those around it repeat it with object names."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    if isinstance(error, IncompleteRead):
        return "the connection ended too soon"
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error) or type(error).__name__
