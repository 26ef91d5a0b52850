"""The verb that gives a prepared dataset to other programs: export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def export(
    out: Annotated[Path, typer.Option(help="The manifest, such as out/manifest.jsonl.")],
    dataset: Annotated[str, typer.Option(help="A dataset, or a YAML file.")] = "synth",
    audio: Annotated[
        Path | None, typer.Option(help="Folder for the prepared audio, below that of --out.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="Of the audio: flac or npy.")] = "flac",
    data: Annotated[
        str | None, typer.Option(help="Audio folder with tags.csv (dataset folder).")
    ] = None,
    audio_dir: Annotated[
        str | None, typer.Option(help="Folder of a published dataset's audio.")
    ] = None,
    data_root: Annotated[
        Path, typer.Option(envvar="TAGBENCH_DATA", help="Folder of prepared corpora.")
    ] = Path("data"),
    workers: Annotated[int | None, typer.Option(min=1, help="Decoding processes.")] = None,
) -> None:
    """Write the tracks of a dataset as a JSONL manifest, and its prepared audio."""
    from rich.console import Console

    from benchmark import runner
    from benchmark.config import BenchmarkFile
    from benchmark.plan import check
    from datamodules.export import export as write
    from datamodules.progress import Bar

    console = Console(soft_wrap=not sys.stdout.isatty())
    experiment = check(BenchmarkFile(datasets=[dataset], models=["tag_prior"], perturbations=[]))
    places = {"data": data, "audio_dir": audio_dir}
    given = {name: place for name, place in places.items() if place is not None}
    options = runner.Options(Path("results"), data_root, given, workers=workers)
    (name,) = experiment.datasets
    corpus = runner.prepare(runner.resolve_dataset(experiment, name, options), options, console)
    write(corpus, out, audio=audio, format_=format_, progress=Bar())
    console.print(f"Wrote {out}: {len(corpus):,} tracks", highlight=False)
