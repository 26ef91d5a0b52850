"""How a long preparation tells where it is. Library code calls this and never prints."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichBar
from rich.text import Text


class Progress(Protocol):
    """Listens to a preparation."""

    def announce(self, text: str) -> None:
        """Say one thing once, such as how much disk will be used."""

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        """Begin work on ``total`` units.

        Args:
            total: How many; 0 where nobody knows.
            unit: What is counted, such as ``"bytes"``.
            title: What is done; by default what the listener calls it.
        """

    def advance(self, count: int = 1) -> None:
        """Count units that are done; a negative number takes back units to be done again."""

    def finish(self) -> None:
        """End what ``start`` began. Also called after a failure."""


class Silent:
    """Says nothing."""

    def announce(self, text: str) -> None:
        """Do nothing."""

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        """Do nothing."""

    def advance(self, count: int = 1) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} {self._unit}/s" if speed else "", style="progress.data.speed")


class Bar:
    """A progress bar in the terminal, with rate and remaining time.

    Args:
        console: Where to draw; standard error by default.
        title: In front of a bar that was started without one.
    """

    def __init__(self, console: Console | None = None, title: str = "prepare") -> None:
        self._console = console or Console(stderr=True)
        self._title = title
        self._bar: RichBar | None = None

    def announce(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        """Show the bar; without a total it moves to and fro."""
        self._bar = RichBar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *_counts(unit),
            TimeElapsedColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._bar.add_task(title or self._title, total=total or None)
        self._bar.start()

    def advance(self, count: int = 1) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0], count)

    def finish(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _counts(unit: str) -> tuple[ProgressColumn, ProgressColumn]:
    """Return the columns that tell how many of ``unit`` are done, and how fast."""
    if unit == "bytes":
        return DownloadColumn(), TransferSpeedColumn()
    return MofNCompleteColumn(), _Rate(unit)
