"""Checks of every request before a route sees it, and the security headers of every response.

A page of another origin must not reach the server: neither by a request from a browser that also
has the cookie (``Origin`` and ``Sec-Fetch-Site``), nor by a name that resolves to 127.0.0.1, known
as DNS rebinding (``Host``). Other users of the machine lack the token.
"""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmark.ui.config import UiConfig

UPLOADS = "/api/uploads"
"""Path of the only route that takes a large body."""

BODY_BYTES = 64 * 2**10
"""Maximum size of the body of any other request."""

_SAFE = ("GET", "HEAD")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; media-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _TooLargeError(Exception):
    """The body of a request exceeds its limit."""


def cookie_name(token: str) -> str:
    """Return the name of the cookie: cookies are not separated by port, so each server has one."""
    return f"tagbench-{hashlib.sha256(token.encode()).hexdigest()[:12]}"


class Guard:
    """ASGI middleware that rejects requests of other sites and users.

    Args:
        app: Application to protect.
        config: Settings with the token, the accepted hosts and the limits.
    """

    def __init__(self, app: ASGIApp, config: UiConfig) -> None:
        self._app = app
        self._config = config
        self._cookie = cookie_name(config.token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        response = self._refusal(scope)
        if response is not None:
            await response(scope, receive, protected)
            return
        await self._limited(scope, receive, protected)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the response that replaces that of the application; None to go on."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._config.hosts:
            return _error(421, "The header Host does not name this server.")
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self._config.hosts:
            return _error(403, "Requests from other origins are not accepted.")
        # A link on another site may open a page, but without the token, which it does not know.
        site = headers.get("sec-fetch-site", "none")
        if scope["method"] not in _SAFE and site not in ("same-origin", "none"):
            return _error(403, "Requests from other sites are not accepted.")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if given and scope["method"] == "GET" and self._is_token(given):
            return self._entrance(scope["path"])
        if not self._is_token(_cookies(headers).get(self._cookie, "")):
            return _error(
                403, "The token is missing or wrong. Open the address that tagbench ui has printed."
            )
        return None

    def _entrance(self, path: str) -> Response:
        """Store the token in a cookie, and remove it from the address."""
        # Only an absolute path of this server: "//host" would leave it.
        response = RedirectResponse(f"/{path.lstrip('/')}", status_code=303)
        response.set_cookie(
            self._cookie, self._config.token, httponly=True, samesite="strict", path="/"
        )
        return response

    def _is_token(self, given: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(given.encode(), self._config.token.encode())

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with a body that is limited in size."""
        most = self._config.upload_bytes if scope["path"] == UPLOADS else BODY_BYTES
        stated = Headers(scope=scope).get("content-length", "0")
        refusal = _error(413, f"The request is too large: at most {most / 2**20:g} MiB.")
        if not stated.isascii() or not stated.isdigit() or int(stated) > most:
            await refusal(scope, receive, send)
            return
        received, started, exceeded = 0, False, False

        async def counted() -> Message:
            nonlocal received, exceeded
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                exceeded = True
                raise _TooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            if exceeded and not started:
                return  # the application answers that it could not read the body
            started = True
            await send(message)

        with suppress(_TooLargeError):
            await self._app(scope, counted, noted)
        if exceeded and not started:
            await refusal(scope, receive, send)


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        parsed = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in parsed.items()}


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status_code=status)
