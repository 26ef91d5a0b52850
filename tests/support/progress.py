"""A progress display that records its calls."""

from __future__ import annotations


class ProgressRecorder:
    """Records the calls of a preparation."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.total = self.done = 0

    def announce(self, text: str) -> None:
        self.said.append(text)

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        self.total = total

    def advance(self, count: int = 1) -> None:
        self.done += count

    def finish(self) -> None:
        self.said.append("finished")
