"""Output of ``predict`` and ``import-checkpoint``: progress, tables, JSON, CSV and taggrams."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from benchmark.checkpoints.importer import Imported
from benchmark.cli.options import writing_to
from benchmark.config.card import CheckpointCard
from benchmark.predict import taggram
from benchmark.predict.audio_files import AudioFile, Prediction, UnreadableFile, predict_files
from datamodules.common.errors import unknown_name
from datamodules.loaders.windowing import Windowing
from lightning_modules.base import TaggingModule

Format = Literal["table", "json", "csv"]
_BAR = 30  # characters of a probability of 1
_NARROW = 50  # columns below which the cells of a table would be cut
_NAMES = 8  # entries of an imported file that are listed


@dataclass(frozen=True)
class TaggedFile:
    """The tags of a file with the highest probabilities, in descending order."""

    file: str
    seconds: float
    tags: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class TaggramOptions:
    """Where taggrams are written, and how.

    Attributes:
        folder: Folder of the taggrams.
        hop_seconds: Distance between windows; None places them back to back.
    """

    folder: Path
    hop_seconds: float | None


def tag_files(
    module: TaggingModule,
    card: CheckpointCard,
    files: Sequence[AudioFile],
    windowing: Windowing,
    top: int,
    taggrams: TaggramOptions | None,
    console: Console,
) -> tuple[list[TaggedFile], list[UnreadableFile]]:
    """Tag files, show the progress, and write the taggrams.

    Args:
        module: Model in evaluation mode, on its device.
        card: Card of its checkpoint, which names the tags.
        files: Files to tag.
        windowing: Protocol that places the windows.
        top: Number of tags to keep of each file; 0 keeps all.
        taggrams: Where to write taggrams; None writes none.
        console: Console of the progress bar.

    Returns:
        The tags of the files that could be read, and the other files.

    Raises:
        TagbenchError: A taggram cannot be written.
    """
    tagged: list[TaggedFile] = []
    unreadable: list[UnreadableFile] = []
    stems = output_stems(files, taggrams.folder) if taggrams else {}
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    hidden = not console.is_terminal or len(files) < 2
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden
    ) as bar:
        task = bar.add_task("files", total=len(files))
        for result in predict_files(module, files, windowing):
            if isinstance(result, UnreadableFile):
                unreadable.append(result)
            else:
                tags = result.top(card.tags, top)
                tagged.append(TaggedFile(result.file.name, result.seconds, tags))
                if taggrams:
                    with writing_to(taggrams.folder, "--taggram"):
                        stem = stems[result.file]
                        _write_taggram(module, card, result, stem, taggrams, windowing)
            bar.advance(task)
    return tagged, unreadable


def output_stems(files: Sequence[AudioFile], folder: Path) -> dict[AudioFile, Path]:
    """Give each file a distinct path below a folder, without a suffix.

    Files that were found in a given folder keep their path relative to it.
    """
    stems: dict[AudioFile, Path] = {}
    taken: set[Path] = set()
    for file in files:
        given = file.name == str(file.path)
        place = Path(file.path.name if given else file.name)
        stem, number = place.with_suffix(""), 1
        while stem in taken:
            number += 1
            stem = place.with_name(f"{place.stem}-{number}")
        taken.add(stem)
        stems[file] = folder / stem
    return stems


def _write_taggram(
    module: TaggingModule,
    card: CheckpointCard,
    prediction: Prediction,
    stem: Path,
    options: TaggramOptions,
    windowing: Windowing,
) -> None:
    hop = options.hop_seconds
    gram = taggram.taggram(module, card.tags, prediction.audio, hop, windowing)
    stem.parent.mkdir(parents=True, exist_ok=True)
    taggram.write_csv(gram, stem.with_name(f"{stem.name}.csv"))
    title = f"{prediction.file.path.name}  ·  {card.title} trained on {card.dataset}"
    taggram.write_picture(gram, stem.with_name(f"{stem.name}.png"), title)


def check_format(name: str) -> None:
    """Check a value of ``--format``.

    Raises:
        TagbenchError: There is no such format.
    """
    if name not in get_args(Format):
        raise unknown_name("format", name, get_args(Format), "--format")


def as_json(
    tagged: Sequence[TaggedFile],
    unreadable: Sequence[UnreadableFile],
    card: CheckpointCard,
    windows: str,
) -> str:
    """Return one JSON object with the model, ``predictions`` and ``failures``."""
    document: Mapping[str, Any] = {
        "model": card.model,
        "dataset": card.dataset,
        "weights_sha256": card.weights_sha256,
        "windows": windows,
        "predictions": [
            {"file": item.file, "seconds": round(item.seconds, 3), "tags": dict(item.tags)}
            for item in tagged
        ],
        "failures": [{"file": item.file.name, "reason": item.reason} for item in unreadable],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)


def as_csv(tagged: Sequence[TaggedFile]) -> str:
    """Return a CSV with one row for each file and tag: file, rank, tag, probability."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "rank", "tag", "probability"))
    for item in tagged:
        for rank, (tag, score) in enumerate(item.tags, start=1):
            writer.writerow((item.file, rank, tag, f"{score:.6g}"))
    return text.getvalue()


def as_table(tagged: Sequence[TaggedFile], card: CheckpointCard, width: int) -> RenderableType:
    """Return bars for a single file, one row for each of several files.

    Args:
        tagged: Files with their tags.
        card: Card of the checkpoint.
        width: Columns of the console. A narrow one gets plain lines, which fold but are not cut.
    """
    title = f"{card.title} trained on {card.dataset}"
    if width < _NARROW:
        lines = [Text(title)]
        for item in tagged:
            lines.append(Text(f"\n{item.file}"))
            lines.extend(Text(f"{score:.4f} {tag}") for tag, score in item.tags)
        return Group(*lines)
    if len(tagged) == 1:
        table = Table(
            Column("tag", overflow="fold"),
            Column("probability", no_wrap=True),
            Column("", overflow="crop", no_wrap=True),
            title=f"{escape(tagged[0].file)}\n{title}",
        )
        for tag, score in tagged[0].tags:
            table.add_row(escape(tag), f"{score:.4f}", "█" * round(score * _BAR))
        return table
    table = Table(
        Column("file", overflow="fold"),
        Column("seconds", no_wrap=True),
        Column("tags", overflow="fold"),
        title=title,
    )
    for item in tagged:
        tags = ", ".join(f"{tag} {score:.2f}" for tag, score in item.tags)
        table.add_row(escape(item.file), f"{item.seconds:.1f}", escape(tags))
    return table


def import_table(imported: Imported) -> Table:
    """Return a table of what happened to the entries of an imported file."""
    report, card = imported.report, imported.card
    title = f"{escape(card.source.file)} as {card.model}, {card.n_tags} tags"
    table = Table("entries", "number", Column("names", overflow="fold"), title=title)
    table.add_row("loaded", str(len(report.loaded)), "every learned tensor")
    rows = {
        "rebuilt": report.regenerated,
        "missing, not learned": report.missing,
        "unexpected, ignored": report.unexpected,
        "of another network, ignored": report.ignored,
    }
    for name, entries in rows.items():
        others = len(entries) - _NAMES
        more = [f"and {others} more"] if others > 0 else []
        table.add_row(name, str(len(entries)), ", ".join([*entries[:_NAMES], *more]))
    for note in report.notes:
        table.add_row("note", "", note)
    return table
