"""Download of one file over HTTP, with retries and continuation of partial downloads."""

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

ATTEMPTS = 5  # most consecutive attempts that receive no new bytes
BACKOFF_S = 1.0  # pause after the first of them, doubled after each
_TIMEOUTS_S = (10.0, 60.0)  # to connect, between two bytes
_CHUNK_BYTES = 1 << 16
_TEMPORARY_STATUSES = (408, 425, 429, 500, 502, 503, 504)
_PERMANENT_ERRORS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.SSLError,
    requests.exceptions.TooManyRedirects,
)


class UnusableError(Exception):
    """An address does not give the file, and another attempt would not help."""


class _BrokenError(Exception):
    """A connection failed; another attempt may continue the download."""


class Transfer:
    """Downloads one remote file to a `PartialDownload`.

    Args:
        remote: The file.
        path: Path of the complete file; the received bytes are written beside it.
        progress: Receives the number of bytes, including those of an earlier run.
        title: Title of the progress display.
    """

    def __init__(self, remote: RemoteFile, path: Path, progress: Progress, title: str) -> None:
        self._remote = remote
        self._path = path
        self._progress = progress
        self._title = title
        self._shown: int | None = None  # bytes reported to progress

    def download(self, session: requests.Session, url: str) -> bool:
        """Download the file from one address, or continue its partial download.

        Args:
            session: Session for all requests.
            url: The address.

        Returns:
            Whether some of the bytes are from an earlier run or connection.

        Raises:
            UnusableError: The address does not give the file, with the reason. Bytes from which
                the download can be continued are kept.
            TagbenchError: The disk has not enough space.
        """
        if not url.lower().startswith(("http://", "https://")):
            raise UnusableError("only http and https addresses are fetched")
        if PartialDownload.of(self._path).url != url and not self._remote.checksum:
            PartialDownload.of(self._path).remove()
        is_continued = False
        attempts, most = 0, PartialDownload.of(self._path).bytes
        try:
            while True:
                is_continued |= PartialDownload.of(self._path).bytes > 0
                try:
                    self._attempt(session, url)
                except _BrokenError as error:
                    received = PartialDownload.of(self._path).bytes
                    attempts = 1 if received > most else attempts + 1
                    most = max(most, received)
                    if attempts >= ATTEMPTS:
                        raise UnusableError(f"{error} (attempts: {attempts})") from error
                    time.sleep(BACKOFF_S * 2 ** (attempts - 1))
                else:
                    return is_continued
        finally:
            if self._shown is not None:
                self._progress.finish()
                self._shown = None

    def _attempt(self, session: requests.Session, url: str) -> None:
        partial = PartialDownload.of(self._path)
        received = partial.bytes
        if received and received == partial.total:
            return
        # A download with a content encoding could not be continued at a byte of the file.
        headers = {"Accept-Encoding": "identity"}
        validator = partial.validator if partial.url == url else ""
        # Without a validator or checksum, a change of the file would not be noticed.
        if received and (validator or self._remote.checksum):
            headers["Range"] = f"bytes={received}-"
            if validator:
                headers["If-Range"] = validator
        with _request(session, url, headers) as reply:
            if reply.status_code == requests.codes.requested_range_not_satisfiable:
                partial.remove()
                raise _BrokenError("the server refused to continue the file")
            if not reply.ok:
                _raise_for_status(reply)
            self._receive(reply, partial, url, received if "Range" in headers else 0)

    def _receive(
        self, reply: requests.Response, partial: PartialDownload, url: str, requested: int
    ) -> None:
        start, total = _extent(reply)
        if start not in (0, requested):
            partial.remove()
            raise _BrokenError("the server continued the file at another byte than requested")
        if start and partial.total and total != partial.total:
            partial.remove()
            raise _BrokenError("the file on the server has changed since the first bytes")
        chunks = _chunks(reply)
        chunk = next(chunks, b"")
        if not start:
            self._check_head(chunk, total)
        check_disk_space(self._path.parent, total - start, self._remote.name)
        with partial.path.open("ab" if start else "wb") as file:
            partial = PartialDownload(partial.path, url, _validator(reply), total)
            partial.write_record()
            self._show(start, total)
            while chunk:
                file.write(chunk)
                self._show(file.tell(), total)
                chunk = next(chunks, b"")
        self._check_end(partial)

    def _check_head(self, chunk: bytes, total: int) -> None:
        """Reject content that cannot be the file, before all of it is received."""
        problem = self._remote.wrong_head(chunk[:HEAD_BYTES])
        expected = self._remote.bytes
        if not problem and expected is not None and total not in (0, expected):
            problem = f"the file there has {total:,} bytes, expected {expected:,}"
        if problem:
            raise UnusableError(problem)

    def _check_end(self, partial: PartialDownload) -> None:
        received, stated = partial.bytes, partial.total or self._remote.bytes or 0
        if received < stated:
            raise _BrokenError(f"the connection ended after {received:,} of {stated:,} bytes")

    def _show(self, received: int, total: int) -> None:
        if self._shown is None:
            self._progress.start(total or self._remote.bytes or 0, "bytes", self._title)
            self._shown = 0
        if received != self._shown:
            self._progress.advance(received - self._shown)
            self._shown = received


def _request(session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    try:
        return session.get(url, headers=headers, stream=True, timeout=_TIMEOUTS_S)
    except _PERMANENT_ERRORS as error:
        raise UnusableError(_reason(error)) from error
    except (requests.RequestException, HTTPError) as error:
        raise _BrokenError(_reason(error)) from error


def _chunks(reply: requests.Response) -> Iterator[bytes]:
    """Yield the body as it was sent: some servers declare a .tar.gz as a content encoding."""
    try:
        while chunk := reply.raw.read(_CHUNK_BYTES, decode_content=False):
            yield chunk
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _BrokenError(_reason(error)) from error


def _raise_for_status(reply: requests.Response) -> None:
    text = f"{reply.status_code} {reply.reason or ''}".strip()
    raise _BrokenError(text) if reply.status_code in _TEMPORARY_STATUSES else UnusableError(text)


def _extent(reply: requests.Response) -> tuple[int, int]:
    """Return the position of a body's first byte, -1 if unknown, and the size of the file or 0."""
    if reply.status_code == requests.codes.partial_content:
        match = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)", reply.headers.get("Content-Range", "").strip()
        )
        if not match:
            return -1, 0
        return int(match[1]), int(match[2]) if match[2] != "*" else 0
    length = reply.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else 0


def _validator(reply: requests.Response) -> str:
    """Return the value for ``If-Range``; RFC 9110, 13.1.5, excludes weak entity tags."""
    tag = reply.headers.get("ETag", "")
    return tag if tag.startswith('"') else reply.headers.get("Last-Modified", "")


def _reason(error: BaseException) -> str:
    """Return the text of the innermost cause; the outer errors repeat it with object names."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    if isinstance(error, IncompleteRead):
        return "the connection ended too soon"
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error) or type(error).__name__
