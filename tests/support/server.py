"""A web server on this machine that misbehaves on demand, for tests of downloads."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE = b"<!DOCTYPE html>\n<html><head><title>Moved</title></head><body>Gone.</body></html>\n"
ALWAYS = -1
_CHUNK_BYTES = 1 << 14


@dataclass
class Manner:
    """How one path is served.

    Attributes:
        break_after: Close the connection after this many bytes of the body...
        breaks: ...in this many replies, or ``ALWAYS``.
        ranges: Heed ``Range``; else every reply is the whole file.
        validators: Send ``ETag`` and ``Last-Modified``.
        weak: Send a weak ``ETag`` and no ``Last-Modified``.
        status: Answer with this status...
        failures: ...in this many replies, or ``ALWAYS``.
        wrong: Send zeros instead of the file.
        html: Send a page with status 200 instead of the file.
        length: Say how long the body is; else it is sent in chunks.
        pause_s: Between two pieces of the body.
    """

    break_after: int | None = None
    breaks: int = ALWAYS
    ranges: bool = True
    validators: bool = True
    weak: bool = False
    status: int = 404
    failures: int = 0
    wrong: bool = False
    html: bool = False
    length: bool = True
    pause_s: float = 0.0


class Server:
    """What a test sees of the server.

    Attributes:
        sent: Bytes of bodies, by path.
        requests: Method and headers of each request, by path, such as ``("GET", {...})``.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.manners: dict[str, Manner] = {}
        self.sent: Counter[str] = Counter()
        self.requests: dict[str, list[tuple[str, dict[str, str]]]] = {}
        self.lock = threading.Lock()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def misbehave(self, path: str, **manner: Any) -> str:
        """Serve a path like this from now on; return its address."""
        self.manners[path] = Manner(**manner)
        return self.url(path)

    def asked(self, path: str) -> int:
        """Return how many requests there were for a path."""
        return len(self.requests.get(path, []))

    def ranges(self, path: str) -> list[str]:
        """Return the ``Range`` of each request for a path, empty where it had none."""
        return [headers.get("range", "") for _, headers in self.requests.get(path, [])]


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Serve a folder on a free port of this machine until the block ends."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.daemon_threads = True
    server = Server(folder, httpd.server_address[1])
    httpd.tagbench = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        server: Server = self.server.tagbench  # type: ignore[attr-defined]
        path = self.path.lstrip("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        with server.lock:
            server.requests.setdefault(path, []).append((self.command, headers))
            manner = server.manners.setdefault(path, Manner())
            fails, manner.failures = _count_down(manner.failures)
        self.close_connection = True  # each request stands for itself
        with suppress(ConnectionError):
            file = server.folder / path
            if fails or not (file.is_file() or manner.html):
                self._status(manner.status)
            else:
                body = PAGE if manner.html else file.read_bytes()
                tag = f'"{hashlib.md5(body).hexdigest()}"'
                self._send(server, path, manner, bytes(len(body)) if manner.wrong else body, tag)

    def _status(self, status: int) -> None:
        body = PAGE if self.command == "GET" else b""
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send(self, server: Server, path: str, manner: Manner, body: bytes, tag: str) -> None:
        start = self._start(manner, tag)
        if start > 0 and start >= len(body):
            self._status(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if manner.length:
            self.send_header("Content-Length", str(len(body) - start))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        if manner.validators:
            self.send_header("ETag", f"W/{tag}" if manner.weak else tag)
        if manner.validators and not manner.weak:
            self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self._body(server, path, manner, body[start:])

    def _start(self, manner: Manner, tag: str) -> int:
        """Return the first byte that is asked for, 0 where all of the file must be sent."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not asked or not manner.ranges:
            return 0
        return int(asked[1]) if self.headers.get("If-Range", tag) == tag else 0

    def _body(self, server: Server, path: str, manner: Manner, body: bytes) -> None:
        limit = len(body)
        if manner.break_after is not None:
            with server.lock:
                breaks, manner.breaks = _count_down(manner.breaks)
            limit = min(limit, manner.break_after) if breaks else limit
        for at in range(0, limit, _CHUNK_BYTES):
            piece = body[at : min(at + _CHUNK_BYTES, limit)]
            self.wfile.write(piece if manner.length else b"%x\r\n%s\r\n" % (len(piece), piece))
            with server.lock:
                server.sent[path] += len(piece)
            time.sleep(manner.pause_s)
        if not manner.length and limit == len(body):
            self.wfile.write(b"0\r\n\r\n")


def _count_down(times: int) -> tuple[bool, int]:
    """Return whether it happens now, and how often after that."""
    return times != 0, max(times - 1, 0) if times > 0 else times
