"""Tables of the measurements, as CSV and as Markdown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmark.speed.models import ModelRow

KEY = ["model", "mode", "batch", "dtype", "threads"]


def merge(path: Path, rows: Sequence[ModelRow]) -> pd.DataFrame:
    """Return the rows of a CSV with new ones added; a new row replaces the old one of its key."""
    new = pd.DataFrame([asdict(row) for row in rows])
    if path.is_file():
        new = pd.concat([pd.read_csv(path), new])
    return new.drop_duplicates(KEY, keep="last").sort_values(KEY, ignore_index=True)


def write(frame: pd.DataFrame, path: Path, title: str) -> None:
    """Write the table of models as CSV to ``path`` and as Markdown beside it."""
    write_files(path, frame, markdown(frame, title))


def write_files(path: Path, frame: pd.DataFrame, text: str) -> None:
    """Write a table as CSV to ``path``, and its Markdown text beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, content in (
        (path, frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")),
        (path.with_suffix(".md"), text),
    ):
        temporary = target.with_suffix(f"{target.suffix}.tmp")
        temporary.write_text(content, encoding="utf-8")
        os.replace(temporary, target)  # noqa: PTH105


def plain(frame: pd.DataFrame) -> str:
    """Return a table as Markdown."""
    rows = [
        [format(cell, ".4g") if isinstance(cell, float) else str(cell) for cell in row]
        for row in frame.itertuples(index=False)
    ]
    heads = [str(column) for column in frame.columns]
    return "\n".join(map(_line, [heads, ["---"] * len(heads), *rows])) + "\n"


def markdown(frame: pd.DataFrame, title: str) -> str:
    """Return the table of models as Markdown, followed by the median speed-ups."""
    heads = ["model", "mode", "batch", "dtype", "windows/s", "plain", "speed-up", "quartiles"]
    heads += ["peak MiB", "plain", "max difference"]
    lines = [title, "", _line(heads), _line(["---"] * len(heads))]
    lines += [_line(_cells(row)) for row in frame.to_dict("records")]
    lines.append("")
    for (mode, batch, dtype), group in frame.groupby(["mode", "batch", "dtype"]):
        compared = group.dropna(subset="speedup").sort_values("speedup")
        speedups = compared["speedup"]
        if len(compared):
            worst = compared["model"].iloc[0]
            lines.append(
                f"- {mode}, batch {batch}, {dtype}: median speed-up {speedups.median():.2f}, "
                f"least {speedups.min():.2f} ({worst}), of {len(speedups)} models"
            )
    return "\n".join(lines) + "\n"


def _cells(row: dict[object, object]) -> list[str]:
    def number(key: str, form: str) -> str:
        value = float(str(row[key]))
        return "" if value != value else format(value, form)

    quartiles = f"{number('speedup_low', '.2f')} to {number('speedup_high', '.2f')}"
    return [
        *(str(row[key]) for key in ("model", "mode", "batch", "dtype")),
        number("ours_windows_per_s", ".4g"),
        number("plain_windows_per_s", ".4g"),
        number("speedup", ".2f"),
        quartiles if number("speedup", ".2f") else "",
        number("ours_peak_mib", ".0f"),
        number("plain_peak_mib", ".0f"),
        number("max_difference", ".1e"),
    ]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
