"""The CSV files that other people read, and the leaderboard on a terminal.

Every table is rounded to six decimals when it is built, so the frames in memory, the files and a
frame read back from a file hold the same numbers, and writing twice gives the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from benchmark.score.metrics import TOP
from benchmark.score.tables.columns import CONFUSION_COLUMNS, EFFECT_COLUMNS, TEXT, TRUTH, WHOLE
from benchmark.score.tables.columns import KEYS as KEYS
from benchmark.store.predictions import Tables
from datamodules.common.errors import TagbenchError

DECIMALS = 6


def tidy(rows: Sequence[Mapping[Any, Any]], columns: Iterable[str]) -> pd.DataFrame:
    """Make a frame with these columns, typed by name and rounded; absent values are blank."""
    names = list(columns)
    frame = pd.DataFrame(list(rows), columns=names)
    for name in names:
        if name in TEXT:
            # A CSV file cannot tell empty text from no text: both are no value here.
            text = frame[name].astype("string")
            frame[name] = text.mask(text == "")
        elif name in WHOLE:
            frame[name] = pd.to_numeric(frame[name]).round().astype("Int64")
        elif name in TRUTH:
            truth = frame[name].astype("string").str.lower()  # pandas writes True, and so do we
            frame[name] = (truth == "true").astype("boolean").mask(truth.isna())
        else:
            # Adding zero turns -0.0 into 0.0, which would print with a sign.
            frame[name] = frame[name].astype("float64").round(DECIMALS) + 0.0
    return frame


def to_csv(frame: pd.DataFrame) -> str:
    """Return the text of the CSV file: six decimals, Unix line ends, blank for no value."""
    text = frame.to_csv(index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n")
    return str(text)


def write_tables(tables: Tables, directory: Path) -> None:
    """Write the CSV files into ``directory``, each replaced at once.

    A file of an earlier run that this task does not have is removed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    frames = tables.frames()
    for name, frame in frames.items():
        write_text(directory / name, to_csv(frame))
    for name in KEYS.keys() - frames.keys():
        (directory / name).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace a file by ``text`` so that a reader sees the old one or the new one."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(text.encode())
    os.replace(part, path)  # noqa: PTH105 - the name of the guarantee


def read_tables(directory: Path) -> Tables:
    """Read the CSV files back.

    Raises:
        TagbenchError: A file is missing.
    """
    board = read_table(directory / "leaderboard.csv")
    scores = read_table(directory / "robustness.csv")
    single = "accuracy" in board.columns
    return Tables(
        dataset=str(scores["dataset"].iloc[0]) if len(scores) else directory.name,
        task="singlelabel" if single else "multilabel",
        leaderboard=board,
        robustness=scores,
        summary=read_table(directory / "summary.csv"),
        comparisons=read_table(directory / "comparisons.csv"),
        ranks=read_table(directory / "ranks.csv"),
        per_tag=read_table(directory / "per_tag.csv"),
        per_category=read_table(directory / "per_category.csv"),
        consistency=read_table(directory / "consistency.csv"),
        long_tail=read_table(directory / "long_tail.csv"),
        confusion=read_table(directory / "confusion.csv")
        if single
        else tidy([], CONFUSION_COLUMNS),
        failures=read_table(directory / "failures.csv"),
        effects=read_table(directory / "effects.csv")
        if (directory / "effects.csv").is_file()
        else tidy([], EFFECT_COLUMNS),
    )


def read_table(path: Path) -> pd.DataFrame:
    """Read one CSV file back, whichever columns it has.

    Raises:
        TagbenchError: It is missing.
    """
    if not path.is_file():
        raise TagbenchError(
            f"No {path.name} in {path.parent}. Run `tagbench run` first, or name another "
            "directory; `tagbench leaderboard` writes all tables anew."
        )
    frame = pd.read_csv(path, dtype="string", keep_default_na=False, na_values=[""])
    return tidy(frame.to_dict("records"), [str(column) for column in frame.columns])


def primary_metric(task: str) -> str:
    """Return the name of the score that ranks models."""
    return "accuracy" if task == "singlelabel" else "roc_auc"


def further_metrics(board: pd.DataFrame) -> list[str]:
    """Return the scores that a page shows beside the primary one: what fits a laptop's width."""
    if "accuracy" not in board.columns:
        return ["pr_auc"]
    return [name for name in ("macro_f1", "top3_accuracy") if name in board.columns]


def drop_columns(board: pd.DataFrame) -> list[str]:
    """Return the columns that hold the mean drop of a family, in the order of the file."""
    names = [str(name) for name in board.columns]
    # Beside its drop a family has a mean score, unlike worst_drop.
    scores = {name.removesuffix(f"_{m}") for name in names for m in ("roc_auc", "accuracy")}
    return [n for n in names if n.endswith("_drop") and n.removesuffix("_drop") in scores]


_SHORT = {"dynamic_range_compression": "compression"}
_METRIC_TITLES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "f1": "F1",
    "mcc": "MCC",
    "pr_auc_trapezoid": "PR-AUC (trapezoid)",
    "precision": "precision",
    "recall": "recall",
    **{f"top{k}_accuracy": f"top-{k} accuracy" for k in TOP},
}


def metric_title(name: str) -> str:
    """Return a metric's name as a paper prints it."""
    return _METRIC_TITLES.get(name, name)


def family_title(name: str) -> str:
    """Return a family's name as a heading: ``pitch_shift_drop`` becomes ``pitch shift``."""
    plain = name.removesuffix("_drop")
    for long, short in _SHORT.items():
        plain = plain.replace(long, short)
    return plain.replace("_", " ")


def render_leaderboard(tables: Tables) -> Table:
    """Return the leaderboard for a terminal of 100 columns.

    Rank with its interval, model, primary score with its interval, the second score, and the mean
    drop per family of perturbations (up to five).
    """
    board, first = tables.leaderboard, primary_metric(tables.task)
    second = further_metrics(board)[0]
    drops = drop_columns(board)[:5]
    table = Table(
        title=f"{tables.dataset}: mean drop in {metric_title(first)} per family, 95 % intervals",
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
        box=None,
        header_style="bold",
    )
    table.add_column("rank", no_wrap=True)
    table.add_column("model", no_wrap=True, max_width=24, overflow="ellipsis")
    table.add_column(metric_title(first), no_wrap=True)
    table.add_column(metric_title(second), justify="right", no_wrap=True)
    for name in drops:
        table.add_column(_narrow(family_title(name)), justify="right")
    for row in board.to_dict("records"):
        table.add_row(
            span(row["rank"], row["rank_low"], row["rank_high"]),
            Text(str(row["model"])),
            _score(row.get(first), row.get(f"{first}_low"), row.get(f"{first}_high")),
            number(row.get(second)),
            *(number(row[name]) for name in drops),
        )
    return table


def _narrow(title: str) -> str:
    return title.replace(" ", "\n", 1)


def number(value: Any) -> str:
    """Return a score as people read it: three decimals, nothing for no value."""
    return "" if value is None or pd.isna(value) else f"{value:.3f}"


def span(value: Any, low: Any, high: Any) -> str:
    """Return a rank with its interval: ``2 (1-3)``, or ``-`` for none."""
    if pd.isna(value):
        return "-"
    return f"{value}" if pd.isna(low) or low == high else f"{value} ({low}-{high})"


def _score(value: Any, low: Any, high: Any) -> str:
    if value is None or pd.isna(value):
        return "no clean evaluation"
    return number(value) + ("" if pd.isna(low) else f" [{low:.3f}, {high:.3f}]")
