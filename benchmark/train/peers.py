"""Processes of rank 1 and above of a training, started and watched by the process of rank 0."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait

from torch.distributed import TCPStore  # type: ignore[attr-defined]

from benchmark.processes import run_child
from benchmark.train.group import HOST, TIMEOUT, Member
from benchmark.train.usage import Usage
from datamodules.common.errors import TagbenchError

Ready = Callable[[], None]
"""Called by a process that is about to join the group."""

Work = Callable[[Member, int, Ready], Usage]
"""Work of a process: takes its place in the group, the port of the store, and a `Ready`."""

_SETTLE_S = 3.0
"""Time in which the failure of a process that broke the connection becomes known."""
_STUCK_S = 30.0
"""Time after which a process that waits for one that ended is ended too."""


@dataclass(frozen=True)
class _Failure:
    """Error of a process, as text: an exception may not be picklable.

    Attributes:
        error: Type and message of an exception, or how the process ended.
        trace: Traceback; empty if there was no exception.
    """

    error: str
    trace: str = ""


class Peers:
    """The processes of rank 1 and above.

    Args:
        member: The process of rank 0, which is this one.
        work: What each of the others does.
        port: Port of the store through which they find each other.
        stuck: Called, from another thread, if a process has failed and this one still waits for it.
    """

    def __init__(
        self, member: Member, work: Work, port: int, stuck: Callable[[TagbenchError], None]
    ) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks of running threads
        self._member = member
        self._stuck = stuck
        self._changed = threading.Condition()
        self._ready: set[int] = set()
        self._usages: dict[int, Usage] = {}
        self._failure: tuple[int, _Failure] | None = None
        self._closed = threading.Event()
        self._reports: dict[Connection, int] = {}
        self._processes = {}
        for rank in range(1, member.world):
            reports, send = context.Pipe(duplex=False)
            task = pickle.dumps(partial(_run, work, Member(member.devices, rank), port))
            arguments = (os.getpid(), task, send)
            process = context.Process(target=run_child, args=arguments, name=f"rank {rank}")
            process.start()
            send.close()
            self._processes[rank] = process
            self._reports[reports] = rank
        threading.Thread(target=self._watch, daemon=True, name="watch-ranks").start()

    def wait_until_ready(self) -> None:
        """Wait until every process is about to join the group.

        Raises:
            TagbenchError: One of them failed.
        """
        self._wait(lambda: len(self._ready))

    def usages(self) -> Sequence[Usage]:
        """Wait until every process has finished, and return what they have used.

        Raises:
            TagbenchError: One of them failed.
        """
        self._wait(lambda: len(self._usages))
        for process in self._processes.values():
            process.join(timeout=_SETTLE_S)
        return list(self._usages.values())

    def cause(self, error: Exception) -> Exception:
        """Return the failure of another process that led to an error of this one, or the error."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None, _SETTLE_S)
        failure = self._failure
        if failure is None or failure[1].error == _text(error):
            return error
        return self._error(*failure)

    def kill(self) -> None:
        """End the processes that are still running."""
        self._closed.set()
        for process in self._processes.values():
            process.kill()  # Lightning handles other signals only after a step
        for process in self._processes.values():
            process.join()

    def _wait(self, count: Callable[[], int]) -> None:
        expected = len(self._processes)
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None or count() == expected)
        if self._failure is not None:
            raise self._error(*self._failure)

    def _error(self, rank: int, failure: _Failure) -> TagbenchError:
        what = f"failed: {failure.error}" if failure.trace else failure.error
        error = TagbenchError(
            f"Process {rank + 1} of {self._member.world}, on {self._member.devices[rank]}, {what}"
        )
        if failure.trace:
            error.add_note(f"\nIn that process:\n{failure.trace}")
        return error

    def _watch(self) -> None:
        """Receive the reports, until the last process has ended."""
        while self._reports:
            for connection in wait(list(self._reports)):
                self._receive(connection)  # type: ignore[arg-type]  # all are connections
            if self._failure is not None and not self._closed.wait(_STUCK_S):
                self._stuck(self._error(*self._failure))

    def _receive(self, connection: Connection) -> None:
        rank = self._reports[connection]
        try:
            report = connection.recv()
        except Exception:  # noqa: BLE001 - end of file, or a message cut short by a kill
            del self._reports[connection]
            process = self._processes[rank]
            process.join()
            report = _Failure(
                f"ended with code {process.exitcode} (a negative code is a signal; -9 is often "
                "caused by lack of memory)"
            )
        with self._changed:
            if report is None:
                self._ready.add(rank)
            elif isinstance(report, Usage):
                self._usages[rank] = report
            elif self._failure is None and rank not in self._usages:
                self._failure = rank, report
            self._changed.notify_all()


@contextmanager
def started(
    member: Member, work: Work, stuck: Callable[[TagbenchError], None]
) -> Iterator[Callable[[], Sequence[Usage]]]:
    """Start the other processes of a training, and join their group.

    Args:
        member: The process of rank 0, which is this one.
        work: What each of the others does.
        stuck: Called, from another thread, if a process has failed and this one still waits for it.

    Yields:
        A function that leaves the group and returns what the other processes have used.

    Raises:
        TagbenchError: One of the processes failed.
    """
    if member.world == 1:
        yield lambda: ()
        return
    # The system chooses a free port, and the store listens on it before anybody else knows it.
    store = TCPStore(HOST, 0, member.world, is_master=True, wait_for_workers=False)
    peers = Peers(member, work, store.port, stuck)

    def finish() -> Sequence[Usage]:
        member.leave()
        return peers.usages()

    try:
        peers.wait_until_ready()
        member.join(store)
        yield finish
    except Exception as error:
        cause = peers.cause(error)
        if cause is error:
            raise
        raise cause from error
    finally:
        peers.kill()
        member.leave(failed=True)


def _run(work: Work, member: Member, port: int, reports: Connection) -> None:
    """Run the work in a process of its own, and report its end."""
    try:
        usage = work(member, port, lambda: reports.send(None))
    except BaseException as error:  # noqa: BLE001 - it is reported
        reports.send(_Failure(_text(error), traceback.format_exc()))
        os._exit(1)  # without waiting for the others
    reports.send(usage)


def join(member: Member, port: int) -> None:
    """Join the group of a training whose store listens on a port of this machine."""
    member.join(TCPStore(HOST, port, member.world, is_master=False, timeout=TIMEOUT))


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
