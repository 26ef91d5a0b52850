"""The command embed: embeddings of audio files or of a dataset, as a Parquet or .npz file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import determinism
from benchmark.cli.models import Checkpoint, Device
from benchmark.cli.options import AudioDir, Data, DataRoot, places, writing_to
from benchmark.cli.options import console as _console
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from benchmark.embed.run import Summary
    from benchmark.embed.sources import TrackSource
    from benchmark.run.options import Options
    from lightning_modules.base import TaggingModule


# Most lines declare options: the function reads best whole.
def embed(
    checkpoint: Checkpoint,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Audio files, or folders of audio files.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Embed the tracks of this dataset, or YAML file, instead of files."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="Split of the dataset: train, valid or test; by default all tracks.")
    ] = "",
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Layer to read, or all; repeatable. By default the last layer."),
    ] = None,
    list_layers: Annotated[
        bool, typer.Option("--list-layers", help="List the layers of the checkpoint and exit.")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="File to write: .parquet or .npz. What it holds is not recomputed.")
    ] = Path("embeddings.parquet"),
    windows: Annotated[
        str | None,
        typer.Option(help="tiled, won2020, clmr or musicnn; by default that of the checkpoint."),
    ] = None,
    per_window: Annotated[
        bool,
        typer.Option("--per-window", help="Write a row for each window, not their mean."),
    ] = False,
    data: Data = None,
    audio_dir: AudioDir = None,
    data_root: DataRoot = Path("data"),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes that prepare the dataset.")
    ] = None,
    device: Device = "",
) -> None:
    """Write embeddings of audio. The exit code is 1 if a file could not be read."""
    from benchmark.checkpoints.checkpoint import load_checkpoint
    from benchmark.config.schema import WindowsSpec
    from benchmark.embed import run
    from benchmark.embed.identity import table_identity
    from benchmark.embed.windows import chosen_layers
    from benchmark.malloc import keep_freed_memory
    from benchmark.run.options import Options
    from benchmark.run.progress_bar import ProgressBar

    if not list_layers:
        _check_source(paths, dataset, split)
    module, card = load_checkpoint(checkpoint, device)
    if list_layers:
        _list_layers(module)
        return
    layers = chosen_layers(module, layer or ())
    windowing = WindowsSpec(protocol=windows or card.windows).build("--windows")
    determinism.configure(str(module.device))
    keep_freed_memory()
    options = Options(Path("results"), data_root, places(data, audio_dir), workers=workers)
    source = _source(paths or [], dataset, split, options)
    identity = table_identity(
        card, layers, windowing.protocol, source.identity, per_window=per_window
    )
    request = run.Request(module, windowing, layers, per_window, identity)
    with writing_to(out, "--out"):
        done = run.embed_tracks(source, request, out, ProgressBar(_console(stderr=True)))
    _report(done, out)


def _check_source(paths: list[Path] | None, dataset: str | None, split: str) -> None:
    if paths and dataset:
        raise TagbenchError("Give either audio files or --dataset, not both.")
    if not paths and not dataset:
        raise TagbenchError("There is nothing to embed: give audio files, folders, or --dataset.")
    if split and not dataset:
        raise TagbenchError(f"--split {split} needs --dataset.")


def _source(paths: list[Path], dataset: str | None, split: str, options: Options) -> TrackSource:
    from benchmark.embed.sources import CorpusSource, FileSource

    if dataset is None:
        return FileSource(paths)
    from benchmark.cli.data import resolved_datasets
    from benchmark.run import preparation

    resolved, *others = resolved_datasets(dataset, options)
    if others:
        raise TagbenchError(f"--dataset {dataset}: name one dataset.")
    return CorpusSource(preparation.prepare(resolved, options, _console()), split)


def _list_layers(module: TaggingModule) -> None:
    for name, width in module.layer_widths.items():
        default = "  (default)" if name == module.layer_names[-1] else ""
        typer.echo(f"{name}  {width} values{default}")


def _report(done: Summary, out: Path) -> None:
    """Print what was written, and the files that could not be read."""
    vectors = ", ".join(f"{name} ({width} values)" for name, width in done.widths.items())
    tracks = done.computed + done.kept
    if done.n_rows is None:
        text = f"{out} is up to date: {tracks:,} tracks, {vectors}"
    else:
        text = (
            f"Wrote {out}: {tracks:,} tracks, {done.n_rows:,} rows, {vectors}; "
            f"{done.computed:,} computed, {done.kept:,} kept"
        )
    if done.dropped:
        text += f"; {done.dropped:,} older tracks that were not given are left out"
    _console().print(text, highlight=False)
    for name, reason in done.unreadable.items():
        typer.echo(f"{name}: {reason}", err=True)
    if done.unreadable:
        raise typer.Exit(1)
