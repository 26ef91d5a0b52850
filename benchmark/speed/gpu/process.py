"""Start, ask and end a measuring process."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from datamodules.common.errors import TagbenchError

ROOT = Path(__file__).resolve().parents[3]
_EXIT_S = 3.0


class Child:
    """A started process of `benchmark.speed.gpu.child`, in a process group of its own.

    Args:
        section: Name of its section.
        log: Receives its standard error.
    """

    def __init__(self, section: str, log: IO[str]) -> None:
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmark.speed.gpu.child", section],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            start_new_session=True,  # so that its workers can be ended with it
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise TagbenchError(f"Section {section}: its process was started without pipes.")
        self._requests, self._events = self.process.stdin, self.process.stdout

    def send(self, request: Mapping[str, Any]) -> None:
        """Send the request. If the process has exited, reading its events shows it."""
        with suppress(BrokenPipeError):
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()

    def events(self, deadline: Callable[[], float]) -> Iterator[dict[str, Any]]:
        """Yield events until the process closes its end.

        Args:
            deadline: Returns the time of `time.monotonic` to wait until; asked before each wait.

        Raises:
            TimeoutError: The deadline has passed.
        """
        descriptor, rest = self._events.fileno(), b""
        while True:
            left = max(0.0, deadline() - time.monotonic())
            if not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError
            chunk = os.read(descriptor, 2**16)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield json.loads(line)

    def end(self, *, patience_s: float = _EXIT_S) -> int:
        """End the process and its workers; return its exit status.

        Args:
            patience_s: How long it may take to end by itself.
        """
        for stream in (self._requests, self._events):
            with suppress(BrokenPipeError):
                stream.close()
        if self.process.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_s)
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()
