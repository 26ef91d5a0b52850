"""Signals that end a command: SIGINT (Ctrl-C) and SIGTERM."""

from __future__ import annotations

import signal
from types import FrameType

_CAUSES = {signal.SIGINT: "Interrupted by Ctrl-C", signal.SIGTERM: "Terminated by SIGTERM"}


class Interrupted(BaseException):
    """A signal asks this process to end.

    It is not an `Exception`: a cell that is interrupted has not failed.

    Attributes:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        cause = _CAUSES[signal.Signals(self.number)]
        return f"{cause}. The same command again continues where it was."

    @property
    def exit_code(self) -> int:
        """Exit code of the process, by the convention of shells: 128 and the signal."""
        return 128 + self.number


def raise_on_signals() -> None:
    """Let both signals raise `Interrupted` in the main thread, so that processes are ended.

    By default, SIGTERM ends a process without running its ``finally`` clauses. A signal that the
    parent of this process ignores, as a shell does for jobs in the background, stays ignored.
    """
    for number in _CAUSES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)


def end_on_signals() -> None:
    """Let both signals end this process at once and without a traceback.

    A process that is forked inherits `raise_on_signals` of its parent, which ends it by SIGTERM.
    """
    for number in _CAUSES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _raise(number: int, frame: FrameType | None) -> None:
    # Another SIGTERM must not prevent the ending of processes: `timeout`, for example, sends two.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C once more ends this process at once
    raise Interrupted(number)
