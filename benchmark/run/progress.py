"""What a person sees while a sweep runs: on a terminal a live panel, in a log file plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
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
    """Overall progress, the jobs at hand and the time left.

    Args:
        console: Where to write.
        total: Work of the whole sweep, in the units of ``weights``.
        weights: Work of each cell, so that the bar moves with time and not with counts.
    """

    def __init__(self, console: Console, weights: Mapping[str, float]) -> None:
        self.console = console
        self.weights = dict(weights)
        self.total = sum(self.weights.values()) or 1.0
        self.done = 0.0
        """Work of the cells that ended."""
        self.partial: dict[str, float] = {}
        """Share of each cell under way that is done."""
        self.overall = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>4.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self.jobs = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[text]}"),
            console=console,
        )
        self.sweep = self.overall.add_task("sweep", total=self.total)
        self.rows: dict[str, TaskID] = {}
        self.started = self.said = time.monotonic()

    @contextmanager
    def live(self) -> Iterator[Display]:
        """Show the display while the block runs."""
        if self.console.is_terminal:
            with Live(Group(self.overall, self.jobs), console=self.console, refresh_per_second=5):
                yield self
        else:
            yield self

    def progress(self, job: str, event: Mapping[str, Any]) -> None:
        """Show how far a job's current cell is."""
        if job not in self.rows:
            self.rows[job] = self.jobs.add_task(job, total=event["total"], text="")
        self.jobs.update(
            self.rows[job], completed=event["done"], total=event["total"], text=event["text"]
        )
        self.partial[event["cell"]] = event["done"] / max(event["total"], 1)
        self._update()
        if not self.console.is_terminal and time.monotonic() - self.said > PLAIN_EVERY_S:
            self.said = time.monotonic()
            self.console.print(
                f"{self._share():4.0%}  {job}: {event['text']}{self._left()}", highlight=False
            )

    def cell(self, cell: str, text: str, *, failed: bool = False) -> None:
        """Say that a cell ended."""
        self.done += self.weights.pop(cell, 0.0)
        self.partial.pop(cell, None)
        self._update()
        mark = "[red]failed[/]" if failed else "[green]done[/]"
        self.console.print(f"{self._share():4.0%}  {mark} {text}", highlight=False)

    def job_ended(self, job: str) -> None:
        """Remove a job's line."""
        if job in self.rows:
            self.jobs.remove_task(self.rows.pop(job))

    def _done(self) -> float:
        under_way = (
            self.weights.get(cell, 0.0) * min(share, 1.0) for cell, share in self.partial.items()
        )
        return self.done + sum(under_way)

    def _share(self) -> float:
        return self._done() / self.total

    def _left(self) -> str:
        """Return the time left if the rest goes as what is done went."""
        share = self._share()
        if share <= 0.0:
            return ""
        minutes = (time.monotonic() - self.started) * (1.0 - share) / share / 60.0
        return f", about {max(minutes, 1.0):.0f} min left"

    def _update(self) -> None:
        self.overall.update(self.sweep, completed=self._done())
