"""Tagging many files: progress on the side, taggrams as they come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmark.checkpoints.checkpoint import CheckpointCard
from benchmark.predict import taggram
from benchmark.predict.audio_files import AudioFile, Prediction, UnreadableFile, predict_files
from benchmark.predict.prediction_output import Tagged
from datamodules.loaders.windowing import Windowing
from lightning_modules.base import TaggingModule


def run(
    module: TaggingModule,
    card: CheckpointCard,
    files: Sequence[AudioFile],
    windowing: Windowing,
    top: int,
    grams: Path | None,
    hop_seconds: float | None,
    console: Console,
) -> tuple[list[Tagged], list[UnreadableFile]]:
    """Tag files and write their taggrams.

    Args:
        module: On its device, in evaluation mode.
        card: Names its outputs.
        files: What to tag.
        windowing: How each is cut.
        top: Tags to keep a file, 0 for all.
        grams: Folder of taggrams, if they are wanted.
        hop_seconds: Step of the taggrams.
        console: Where the progress bar goes.

    Returns:
        The tags of the files that could be read, and the others.
    """
    tagged: list[Tagged] = []
    failures: list[UnreadableFile] = []
    outputs = output_stems(files, grams) if grams else {}
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal or len(files) < 2,
    )
    with bar:
        task = bar.add_task("files", total=len(files))
        for result in predict_files(module, files, windowing):
            if isinstance(result, UnreadableFile):
                failures.append(result)
            else:
                best = result.top(card.tags, top)
                tagged.append(Tagged(result.file.name, result.seconds, best))
                if grams:
                    _write_taggram(module, card, result, outputs[result.file], hop_seconds)
            bar.advance(task)
    return tagged, failures


def output_stems(files: Sequence[AudioFile], folder: Path) -> dict[AudioFile, Path]:
    """Give each file a path of its own below a folder, without a suffix.

    Files found inside a folder keep their place below it.
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
    hop_seconds: float | None,
) -> None:
    gram = taggram.taggram(module, card.tags, prediction.audio, hop_seconds)
    stem.parent.mkdir(parents=True, exist_ok=True)
    taggram.write_csv(gram, stem.with_name(f"{stem.name}.csv"))
    title = f"{prediction.file.path.name}  ·  {card.title} trained on {card.dataset}"
    taggram.write_picture(gram, stem.with_name(f"{stem.name}.png"), title)
