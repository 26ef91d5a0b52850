"""The command ui: the user interface in a browser."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import DataRoot, Results
from benchmark.cli.options import console as _console
from datamodules.common.errors import TagbenchError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def ui(
    results: Results = Path("results"),
    data_root: DataRoot = Path("data"),
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint", "-c",
            help="Folder of a checkpoint, or of several. By default the folder checkpoints.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:  # fmt: skip
    """Listen to tracks, compare models and follow runs in a browser, on this machine alone."""
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise TagbenchError(
                f'tagbench ui needs {package}, which is not installed: pip install "tagbench[ui]"'
            )
    from benchmark.ui.server import serve

    def announce(address: str) -> None:
        if host not in _LOOPBACK:
            _console(stderr=True).print(
                f"Caution: {host} can be reached from other machines, and what they send is not "
                "encrypted. Who has the address below sees your results and audio.",
                highlight=False,
            )
        typer.echo(f"Open {address}\nStop with Ctrl+C.")

    serve(
        results, data_root, tuple(checkpoint or (Path("checkpoints"),)),
        host=host, port=port, browser=browser, announce=announce,
    )  # fmt: skip
