"""Clips and output files of ``explain``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.cli.options import writing_to
from benchmark.cli.predict_output import output_stems
from benchmark.config.card import CheckpointCard
from benchmark.predict import attention, attention_plots
from benchmark.predict.audio_files import AudioFile
from benchmark.predict.clip import Clip, cut_clip, splice
from lightning_modules.base import TaggingModule


@dataclass(frozen=True)
class Selection:
    """What is explained of the files.

    Attributes:
        start: Start in each file, in seconds.
        seconds: Length of a clip; None means to the end of the file, or one window of a splice.
        splice: Whether the files are joined to one clip.
    """

    start: float
    seconds: float | None
    splice: bool


def clips(
    module: TaggingModule, files: Sequence[AudioFile], selection: Selection, out: Path
) -> Iterator[tuple[Path, Clip]]:
    """Yield each clip to explain, with the path of its output files without their suffixes.

    Args:
        module: Model that determines sample rate and window.
        files: Files to cut clips from.
        selection: Parts of the files.
        out: Folder of the output files.

    Raises:
        TagbenchError: A file cannot be read, or is too short.
    """
    rate, seconds = module.sample_rate, selection.seconds
    stems = output_stems(files, out)
    if selection.splice:
        samples = module.input_samples if seconds is None else round(seconds * rate)
        name = "+".join(stems[file].name for file in files)
        yield out / name, splice(files, rate, selection.start, samples)
        return
    for file in files:
        yield stems[file], cut_clip(file, rate, selection.start, seconds)


def write(
    module: TaggingModule, card: CheckpointCard, clip: Clip, stem: Path, layer: int | None, top: int
) -> list[Path]:
    """Explain a clip, write the files and return their paths.

    Args:
        module: Attention model in evaluation mode, on its device.
        card: Card of its checkpoint, which names the tags.
        clip: The clip.
        stem: Path of the files without their suffixes.
        layer: Layer of the contributions, counted from 1; None means the last.
        top: Number of tags in the picture.

    Raises:
        TagbenchError: The model has no attention, or a file cannot be written.
    """
    explanation = attention.explain(module, card.tags, clip.audio, clip.start, layer)
    first, *others = clip.parts  # the pictures name the files of a splice below the time axis
    name = f"{len(clip.parts)} spliced files" if others else first.name
    title = f"{name}  ·  {card.title} trained on {card.dataset}"
    with writing_to(stem.parent, "--out"):
        return attention_plots.write(explanation, stem, title, top, clip.parts)
