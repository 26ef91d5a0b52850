"""Progress display of a run: a live panel on a terminal, plain lines in a log file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

PLAIN_EVERY_S = 20.0


class Display:
    """Overall progress, running jobs and remaining time.

    Args:
        console: Console to print to.
        weights: Estimated seconds of each cell, so that the bar is proportional to time.
    """

    def __init__(self, console: Console, weights: Mapping[str, float]) -> None:
        self.console = console
        self.weights = dict(weights)
        self.total = sum(self.weights.values()) or 1.0
        self.done = 0.0
        """Sum of the weights of the finished and failed cells."""
        self.partial: dict[str, float] = {}
        """Finished share of each running cell."""
        self.overall = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>4.0f} %"),
            TimeElapsedColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(),
            console=console,
        )
        self.jobs = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}", style="dim", markup=False),
            console=console,
        )
        self.sweep = self.overall.add_task("run", total=self.total)
        self.rows: dict[str, TaskID] = {}
        self.started = self.last_line = time.monotonic()

    @contextmanager
    def live(self) -> Iterator[Display]:
        """Show the display while the block runs."""
        if self.console.is_terminal:
            with Live(Group(self.overall, self.jobs), console=self.console, refresh_per_second=5):
                yield self
        else:
            yield self

    def progress(self, job: str, event: Mapping[str, Any]) -> None:
        """Show the progress of the current cell of a job."""
        if job not in self.rows:
            self.rows[job] = self.jobs.add_task(job, total=event["total"], text="")
        self.jobs.update(
            self.rows[job], completed=event["done"], total=event["total"], text=event["text"]
        )
        self.partial[event["cell"]] = event["done"] / max(event["total"], 1)
        self._update()
        if not self.console.is_terminal and time.monotonic() - self.last_line > PLAIN_EVERY_S:
            self.last_line = time.monotonic()
            self.console.print(
                f"{self._share():4.0%}  {job}: {event['text']}{self._left()}",
                markup=False,
                highlight=False,
            )

    def cell(self, cell: str, text: str, *, failed: bool = False) -> None:
        """Print that a cell is done or has failed."""
        self.done += self.weights.pop(cell, 0.0)
        self.partial.pop(cell, None)
        self._update()
        mark = "[red]failed[/]" if failed else "[green]done[/]"
        self.console.print(f"{self._share():4.0%}  {mark} {escape(text)}", highlight=False)

    def job_ended(self, job: str) -> None:
        """Remove the line of a job."""
        if job in self.rows:
            self.jobs.remove_task(self.rows.pop(job))

    def _done(self) -> float:
        running = (
            self.weights.get(cell, 0.0) * min(share, 1.0) for cell, share in self.partial.items()
        )
        return self.done + sum(running)

    def _share(self) -> float:
        return self._done() / self.total

    def _left(self) -> str:
        """Return the remaining time, extrapolated from the elapsed time and the finished share."""
        share = self._share()
        if share <= 0.0:
            return ""
        minutes = (time.monotonic() - self.started) * (1.0 - share) / share / 60.0
        return f", about {max(minutes, 1.0):.0f} min left"

    def _update(self) -> None:
        self.overall.update(self.sweep, completed=self._done())
