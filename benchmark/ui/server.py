"""Start of the server: socket, token, browser, and the removal of temporary files."""

from __future__ import annotations

import secrets
import signal
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from benchmark.interruption import Interrupted
from benchmark.ui.app import create_app
from benchmark.ui.config import UiConfig
from datamodules.common.errors import TagbenchError

_KEEP_ALIVE_S = 30


def serve(
    results: Path,
    data_root: Path,
    checkpoints: tuple[Path, ...],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = True,
    announce: Callable[[str], None],
) -> None:
    """Serve the user interface until the process is interrupted.

    Args:
        results: Results folder.
        data_root: Folder of prepared corpora.
        checkpoints: Folders of checkpoints, and folders that contain such folders.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        browser: Whether to open a browser.
        announce: Receives the address with the token.

    Raises:
        TagbenchError: The address or the port cannot be used.
    """
    with _listen(host, port) as listener, tempfile.TemporaryDirectory(prefix="tagbench-ui-") as tmp:
        config = UiConfig(
            results=results,
            data_root=data_root,
            checkpoints=checkpoints,
            token=secrets.token_urlsafe(32),
            port=listener.getsockname()[1],
            scratch=Path(tmp),
            host=f"[{host}]" if ":" in host else host,
        )
        address = f"http://{config.host}:{config.port}/listen?token={config.token}"
        announce(address)
        if browser:
            # The socket already accepts connections, so the browser waits for the server.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        _run(config, listener)


def _run(config: UiConfig, listener: socket.socket) -> None:
    """Answer requests until the process is interrupted."""
    options = uvicorn.Config(
        create_app(config),
        log_level="warning",
        access_log=False,  # it would hold the token
        server_header=False,
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=2,
    )
    try:
        uvicorn.Server(options).run(sockets=[listener])
    except Interrupted as interrupted:
        if interrupted.number != signal.SIGINT:  # Ctrl+C is the usual end of the server
            raise


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise TagbenchError(
            f"Cannot listen on {host}, port {port}: {error.strerror or error}. Name another with "
            "--host and --port; --port 0 takes a free one."
        ) from error
    return listener
