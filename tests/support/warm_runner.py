"""A process that has imported what a run needs, and forks a run for each request.

Tests that kill many runs save the seconds that each would take to start.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from multiprocessing import forkserver

from tests.support.paths import ROOT


class WarmRunner:
    """Starts runs of the command line, one at a time."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm_runner"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._answer()

    def start(self, *arguments: str) -> int:
        """Start a command, and return the id of its process."""
        print(json.dumps(arguments), file=self._server.stdin, flush=True)
        return int(self._answer())

    def end(self, process: int, *, kill: bool) -> int:
        """Kill a command or wait for its end, and return its exit code."""
        if kill:
            os.kill(process, signal.SIGKILL)
        return int(self._answer())

    def close(self) -> None:
        """End the server."""
        self._server.communicate(timeout=30)

    def _answer(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline()


def serve() -> None:
    """Fork a command for each line of standard input; print its process and its exit code."""
    from benchmark.__main__ import main
    from benchmark.run import runner
    from benchmark.run.executors import local

    assert runner
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    local.start_server()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            os.setsid()
            # The server of the jobs is shared: it is no child of this process.
            forkserver._forkserver.ensure_running = lambda: None
            sys.argv = ["tagbench", *json.loads(line)]
            main()
            sys.exit()
        print(process, file=answers, flush=True)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


if __name__ == "__main__":
    serve()
