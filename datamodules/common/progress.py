"""The interface through which a long operation reports its progress. Library code never prints."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of one operation at a time."""

    def announce(self, text: str) -> None:
        """Show a message, such as how much disk space will be used."""

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        """Begin an operation.

        Args:
            total: Number of units of work; 0 if unknown.
            unit: Name of the units, such as ``"bytes"``.
            title: Name of the operation; by default the display chooses one.
        """

    def advance(self, count: int = 1) -> None:
        """Add finished units. A negative number removes units that have to be done again."""

    def finish(self) -> None:
        """End the operation that `start` began. Also called after an error."""


class Silent:
    """A `Progress` that shows nothing."""

    def announce(self, text: str) -> None:
        """Do nothing."""

    def start(self, total: int, unit: str = "tracks", title: str | None = None) -> None:
        """Do nothing."""

    def advance(self, count: int = 1) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""
