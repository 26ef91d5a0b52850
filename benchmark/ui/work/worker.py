"""Processes that do the work of the server, one job after the other.

The process of analyses keeps its models loaded. The process that decodes uploaded files has limits
and imports neither torch nor the models.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from benchmark.ui.work.reporting import CancelledError, Handler, Reporter
from datamodules.common.errors import TagbenchError

_MOST_FILE_BYTES = 8 * 2**30


def serve_jobs(
    make: Callable[..., Handler], arguments: tuple[Any, ...], connection: Connection, event: Event
) -> None:
    """Run the jobs that arrive until the server closes the connection.

    Args:
        make: Returns the function that runs a job: :func:`analyst` or :func:`decoder`.
        arguments: Arguments of ``make``.
        connection: Jobs arrive here; progress and results are sent back.
        event: Set when the running job is to stop.
    """
    handler = make(*arguments)
    connection.send(("ready",))
    while True:
        try:
            payload = connection.recv()
        except EOFError:
            return
        try:
            answer = ("done", handler(payload, Reporter(connection, event)))
        except CancelledError:
            answer = ("cancelled", None)
        except TagbenchError as error:
            answer = ("failed", str(error))
        except MemoryError:
            answer = ("failed", "There is not enough memory for this file.")
        except Exception as error:  # noqa: BLE001  one failed job must not end the process
            answer = ("failed", f"{type(error).__name__}: {error}")
        connection.send(answer)


def analyst(scratch: str) -> Handler:
    """Return the function that applies models to a track; it keeps models loaded."""
    from benchmark.ui.work.analysis import Analyst

    return Analyst(Path(scratch)).run


def decoder(most_bytes: int) -> Handler:
    """Return the function that decodes an uploaded file, and limit this process.

    Args:
        most_bytes: Maximum address space of the process.
    """
    from benchmark.ui.work.decoding import decode_upload

    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_FILE_BYTES, _MOST_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return decode_upload
