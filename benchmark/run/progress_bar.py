"""`ProgressBar`: shows the progress of the library's long operations in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    """Units per second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} {self._unit}/s" if speed else "", style="progress.data.speed")


class ProgressBar:
    """A `datamodules.common.progress.Progress` that draws a bar with rate and remaining time.

    Args:
        console: Console to draw on; standard error by default.
        title: Text in front of an operation that has no title of its own.
    """

    def __init__(self, console: Console | None = None, title: str = "prepare") -> None:
        self._console = console or Console(stderr=True)
        self._title = title
        self._bar: Progress | None = None

    def announce(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        """Show the bar; without a total it is animated and has no length."""
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *_count_columns(unit),
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
        """Stop the bar and leave it on the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _count_columns(unit: str) -> tuple[ProgressColumn, ProgressColumn]:
    """Return the columns that show the number of finished units and their rate."""
    if unit == "bytes":
        return DownloadColumn(), TransferSpeedColumn()
    return MofNCompleteColumn(), _Rate(unit)
