"""The verb about data: describe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def describe(
    dataset: Annotated[str, typer.Option(help="A dataset, or a YAML file.")] = "synth",
    data: Annotated[
        str | None, typer.Option(help="Audio folder with tags.csv (dataset folder).")
    ] = None,
    audio_dir: Annotated[
        str | None, typer.Option(help="Folder of a published dataset's audio.")
    ] = None,
    data_root: Annotated[
        Path, typer.Option(envvar="TAGBENCH_DATA", help="Folder of prepared corpora.")
    ] = Path("data"),
    results: Annotated[
        Path, typer.Option(envvar="TAGBENCH_RESULTS", help="Results folder.")
    ] = Path("results"),
    clips: Annotated[
        int, typer.Option(min=0, help="Clips to listen to at most; 0 for labels alone.")
    ] = 500,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that decode and measure.")
    ] = None,
) -> None:
    """Show what is in a dataset: a page of pictures, and the tables behind them."""
    import os

    from rich.console import Console

    from benchmark import runner
    from benchmark.config import BenchmarkFile
    from benchmark.describe import describe as write
    from benchmark.plan import check
    from datamodules.progress import Bar

    console = Console(soft_wrap=not sys.stdout.isatty())
    matrix = BenchmarkFile(datasets=[dataset], models=["tag_prior"], perturbations=[])
    experiment = check(matrix)
    places = {"data": data, "audio_dir": audio_dir}
    given = {name: place for name, place in places.items() if place is not None}
    options = runner.Options(results, data_root, given, workers=workers)
    (name,) = experiment.datasets
    corpus = runner.prepare(runner.resolve_dataset(experiment, name, options), options, console)
    processes = workers or os.cpu_count() or 1
    page = write(corpus, results / name, clips, processes, Bar(title="listen"))
    console.print(f"Wrote {page}", highlight=False)
