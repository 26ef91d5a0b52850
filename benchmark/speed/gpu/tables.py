"""The results of a measurement, written to a JSON and a Markdown file after each row."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

TITLES: Mapping[str, str] = {
    "settings": "Versions and numeric settings",
    "parity": "Largest difference between probabilities of the CPU (float32) and the device",
    "repeatability": "Two short trainings from one seed, in one process",
    "speed": "Forward pass and training step, beside the plain transcription",
    "training": "Two trainings by the runner from one seed, in a process each",
    "sweep": "Sweep of several models, and its parts",
}


class Results:
    """Rows by section, written to ``gpu.json`` and ``gpu.md`` after each row.

    Args:
        out: Folder of the files.
        announce: Receives a line of progress.
    """

    def __init__(self, out: Path, announce: Callable[[str], None]) -> None:
        self.out, self.announce = out, announce
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.problems: list[dict[str, str]] = []
        self.began = time.monotonic()

    def start(self, section: str, seconds: float) -> None:
        """Begin a section that may take ``seconds``."""
        self.rows[section] = []
        self.announce(f"[{self._elapsed():.0f} s] {section}: at most {seconds:.0f} s")

    def add(self, section: str, row: Mapping[str, Any]) -> None:
        """Add a row, and write the files."""
        self.rows[section].append({key: _finite(value) for key, value in row.items()})
        self.announce(
            f"[{self._elapsed():.0f} s] {section}: " + ", ".join(map(_cell, row.values()))
        )
        self._write()

    def fail(self, section: str, item: str, status: str, reason: str) -> None:
        """Add an item that was not measured, and write the files."""
        row = {"section": section, "item": item, "status": status, "reason": reason}
        self.problems.append(row)
        self.announce(f"[{self._elapsed():.0f} s] {section}: {item} {status}: {reason}")
        self._write()

    def missed(self) -> list[str]:
        """Return one line for each failed item and each bar that was not reached."""
        lines = [
            f"{row['section']}, {row['item']}: {row['status']}, {row['reason']}"
            for row in self.problems
        ]
        for section, key in (
            ("parity", "within bar"),
            ("repeatability", "equal bits"),
            ("training", "equal bits"),
        ):
            lines += [
                f"{section}, {row['model']}: not {key}"
                for row in self.rows.get(section, [])
                if not row[key]
            ]
        return lines

    def markdown(self) -> str:
        """Return a table for each section, and the items that were not measured."""
        lines = []
        for section, rows in self.rows.items():
            if rows:
                heads = list(dict.fromkeys(key for row in rows for key in row))
                lines += ["", f"## {TITLES[section]}", ""]
                lines += [_line(heads), _line(["---"] * len(heads))]
                lines += [_line([_cell(row.get(head, "")) for head in heads]) for row in rows]
        missed = self.missed()
        lines += ["", "## Failed, skipped, or outside a bar", ""]
        lines += [f"- {line}" for line in missed] or ["Nothing."]
        return "\n".join(["# Measurements on one device", *lines]) + "\n"

    def _elapsed(self) -> float:
        return time.monotonic() - self.began

    def _write(self) -> None:
        document = {"seconds": self._elapsed(), "rows": self.rows, "problems": self.problems}
        _replace(self.out / "gpu.json", json.dumps(document, indent=1) + "\n")
        _replace(self.out / "gpu.md", self.markdown())


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)  # noqa: PTH105


def _finite(value: object) -> object:
    """Return the value, or None for NaN and infinities, which JSON cannot represent."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return format(value, ".3g")
    return "" if value is None else str(value).replace("|", "/")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
