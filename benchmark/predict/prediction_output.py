"""Predictions as a table for people, JSON or CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rich.markup import escape
from rich.table import Column, Table

from benchmark.checkpoints.checkpoint import CheckpointCard
from benchmark.checkpoints.won2020 import Imported
from benchmark.predict.audio_files import UnreadableFile
from datamodules.common.errors import unknown_name

Format = Literal["table", "json", "csv"]
_BAR = 30  # characters of a probability of 1


@dataclass(frozen=True)
class Tagged:
    """The likeliest tags of a file, best first."""

    file: str
    seconds: float
    tags: Sequence[tuple[str, float]]


def check_format(name: str) -> None:
    """Refuse a format that does not exist."""
    if name not in get_args(Format):
        raise unknown_name("format", name, get_args(Format), "--format")


def as_json(
    tagged: Sequence[Tagged], failures: Sequence[UnreadableFile], card: CheckpointCard, windows: str
) -> str:
    """Return one object: the model, ``predictions`` and ``failures``."""
    document: Mapping[str, Any] = {
        "model": card.model,
        "dataset": card.dataset,
        "weights_sha256": card.weights_sha256,
        "windows": windows,
        "predictions": [
            {"file": item.file, "seconds": round(item.seconds, 3), "tags": dict(item.tags)}
            for item in tagged
        ],
        "failures": [{"file": item.file.name, "reason": item.reason} for item in failures],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)


def as_csv(tagged: Sequence[Tagged]) -> str:
    """Return one row a file and tag: file, rank, tag, probability."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "rank", "tag", "probability"))
    for item in tagged:
        for rank, (tag, score) in enumerate(item.tags, start=1):
            writer.writerow((item.file, rank, tag, f"{score:.6g}"))
    return text.getvalue()


def as_table(tagged: Sequence[Tagged], card: CheckpointCard) -> Table:
    """Return bars for one file, one row a file for several."""
    title = f"{card.title} trained on {card.dataset}"
    if len(tagged) == 1:
        table = Table("tag", "probability", "", title=f"{escape(tagged[0].file)}\n{title}")
        for tag, score in tagged[0].tags:
            table.add_row(escape(tag), f"{score:.4f}", "█" * round(score * _BAR))
        return table
    table = Table(Column("file", overflow="fold"), "seconds", "tags", title=title)
    for item in tagged:
        tags = ", ".join(f"{tag} {score:.2f}" for tag, score in item.tags)
        table.add_row(escape(item.file), f"{item.seconds:.1f}", escape(tags))
    return table


def import_table(imported: Imported) -> Table:
    """Return what became of each entry of an imported file."""
    report, card = imported.report, imported.card
    title = f"{escape(card.source.file)} as {card.model}, {card.n_tags} tags"
    table = Table("entries", "number", "names", title=title)
    table.add_row("loaded", str(len(report.loaded)), "every learned tensor")
    rows = {
        "regenerated": report.regenerated,
        "missing, not learned": report.missing,
        "unexpected, ignored": report.unexpected,
    }
    for name, entries in rows.items():
        more = [f"and {len(entries) - 8} more"] if len(entries) > 8 else []
        table.add_row(name, str(len(entries)), ", ".join([*entries[:8], *more]))
    for note in report.notes:
        table.add_row("note", "", note)
    return table
