"""Build, write and read the CSV files of a dataset.

Every table is rounded to six decimals when it is built, so the frames in memory, the files and a
frame read back from a file hold the same numbers, and writing twice gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.score.tables.columns import CONFUSION_COLUMNS, EFFECT_COLUMNS, TEXT, TRUTH, WHOLE
from benchmark.score.tables.columns import KEYS as KEYS
from benchmark.store.files import write_text
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
