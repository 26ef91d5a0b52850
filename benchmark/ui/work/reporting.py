"""Progress and cancellation of a running job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any

Payload = Mapping[str, Any]


class CancelledError(Exception):
    """The job was cancelled."""


class Reporter:
    """Connection of a running job to the server.

    Args:
        connection: Receives the progress.
        cancelled: Set when the job is to stop.
    """

    def __init__(self, connection: Connection, cancelled: Event) -> None:
        self._connection = connection
        self._cancelled = cancelled

    def progress(self, fraction: float, text: str) -> None:
        """Report the progress.

        Args:
            fraction: Share of the work that is done, from 0 to 1.
            text: The current step.

        Raises:
            CancelledError: The job was cancelled.
        """
        if self._cancelled.is_set():
            raise CancelledError
        self._connection.send(("progress", fraction, text))


Handler = Callable[[Payload, Reporter], Any]
"""Function that runs a job and returns its result."""
