"""Commands for datasets: prepare, describe, export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import AudioDir, Data, DataRoot, Dataset, Results, Workers, places
from benchmark.cli.options import console as _console
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from benchmark.config.datasets import ResolvedDataset
    from benchmark.run.options import Options

_MANY_TRACKS = 32
"""Number of tracks from which views are computed in processes of their own."""


def resolved_datasets(names: str, options: Options) -> Iterator[ResolvedDataset]:
    """Yield the datasets in ``names``; all names are checked before the first is imported."""
    from benchmark.config.schema import BenchmarkFile
    from benchmark.plan.matrix import check
    from benchmark.run import preparation

    datasets = [name.strip() for name in names.split(",") if name.strip()]
    experiment = check(BenchmarkFile(datasets=datasets, models=["tag_prior"], perturbations=[]))
    for name in experiment.datasets:
        yield preparation.resolve_dataset(experiment, name, options)


def prepare(
    dataset: Annotated[str, typer.Option(help="Datasets, separated by commas.")] = "synth",
    data: Data = None,
    audio_dir: AudioDir = None,
    data_root: DataRoot = Path("data"),
    workers: Workers = None,
    check: Annotated[
        bool, typer.Option("--check", help="Audit the prepared corpus; exit code 1 on an error.")
    ] = False,
) -> None:
    """Download and decode a dataset. An interrupted preparation is resumed."""
    from benchmark.cli.audit_output import check as check_dataset
    from benchmark.run import preparation
    from benchmark.run.options import Options

    console = _console()
    options = Options(Path("results"), data_root, places(data, audio_dir), workers=workers)
    sound = True
    for resolved in resolved_datasets(dataset, options):
        if check:
            sound &= check_dataset(resolved, options, console)
            continue
        corpus = preparation.prepare(resolved, options, console)
        console.print(f"Prepared: {corpus.root}", highlight=False)
    if not sound:
        raise typer.Exit(1)


def describe(
    dataset: Dataset = "synth",
    data: Data = None,
    audio_dir: AudioDir = None,
    data_root: DataRoot = Path("data"),
    results: Results = Path("results"),
    clips: Annotated[
        int, typer.Option(min=0, help="Maximum number of clips to measure; 0: labels only.")
    ] = 500,
    workers: Workers = None,
) -> None:
    """Write statistics of a dataset as an HTML page with figures and tables."""
    from benchmark.report.dataset.page import describe as write
    from benchmark.run import preparation
    from benchmark.run.options import Options
    from benchmark.run.progress_bar import ProgressBar
    from datamodules.common.cpus import usable_cpus

    console = _console()
    options = Options(results, data_root, places(data, audio_dir), workers=workers)
    for resolved in resolved_datasets(dataset, options):
        corpus = preparation.prepare(resolved, options, console)
        processes = workers or usable_cpus()
        page = write(
            corpus, results / resolved.name, clips, processes, ProgressBar(title="measure")
        )
        console.print(f"Wrote {page}", highlight=False)


def export(
    out: Annotated[
        Path, typer.Option(help="File to write: out/manifest.jsonl, or features.csv with --view.")
    ],
    dataset: Dataset = "synth",
    audio: Annotated[
        Path | None, typer.Option(help="Folder for the audio, inside the folder of --out.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="Audio format: flac or npy.")] = "flac",
    view: Annotated[
        str, typer.Option(help="View to write as CSV instead, such as fma_features.")
    ] = "",
    view_param: Annotated[
        list[str] | None,
        typer.Option(help="Parameter of the view as NAME=VALUE, such as sets=mfcc; repeatable."),
    ] = None,
    data: Data = None,
    audio_dir: AudioDir = None,
    data_root: DataRoot = Path("data"),
    workers: Workers = None,
) -> None:
    """Write the tracks of a dataset as a JSONL manifest, and its prepared audio, or a view."""
    from benchmark.run import preparation
    from benchmark.run.options import Options
    from benchmark.run.progress_bar import ProgressBar
    from datamodules.common.cpus import usable_cpus
    from datamodules.corpus.export import export as write
    from datamodules.views.catalogue import make_view
    from datamodules.views.export import export_view

    if (view_param and not view) or (audio and view):
        raise TagbenchError("--view-param needs --view, and --audio cannot be given with it.")
    parameters = dict(_parameter(text) for text in view_param or ())
    console = _console()
    options = Options(Path("results"), data_root, places(data, audio_dir), workers=workers)
    for resolved in resolved_datasets(dataset, options):
        corpus = preparation.prepare(resolved, options, console)
        if view:
            made = make_view(view, parameters, corpus.sample_rate)
            # starting processes costs more time than a few tracks
            processes = (workers or usable_cpus()) if len(corpus) >= _MANY_TRACKS else 0
            export_view(corpus, made, out, workers=processes, progress=ProgressBar())
        else:
            write(corpus, out, audio=audio, format_=format_, progress=ProgressBar())
        console.print(f"Wrote {out}: {len(corpus):,} tracks", highlight=False)


def _parameter(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise TagbenchError(f"--view-param {text!r} has no '='. Write it as NAME=VALUE.")
    return name.strip(), value.strip()
