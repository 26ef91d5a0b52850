"""Commands for models on disk: pretrained, import-checkpoint, predict, explain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import determinism
from benchmark.cli.options import console as _console
from benchmark.cli.options import writing_to
from benchmark.malloc import keep_freed_memory
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from benchmark.checkpoints.importer import Imported

Checkpoint = Annotated[
    Path,
    typer.Option(
        "--checkpoint",
        "-c",
        help="Folder of an imported or published checkpoint, or results/cells/<id> of a trained "
        "model.",
    ),
]
Device = Annotated[
    str, typer.Option("--device", help="cpu or cuda:<index>. By default a GPU, if there is one.")
]


def pretrained(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names such as pons_vgg-msd. By default all four.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder in which the folders of the checkpoints are created.")
    ] = Path("checkpoints"),
    wheel: Annotated[
        Path | None, typer.Option(help="The downloaded wheel, for a machine without network.")
    ] = None,
) -> None:
    """Download and import four taggers trained on MagnaTagATune and the Million Song Dataset."""
    folders = fetch_pretrained(names, out, wheel)
    for folder in folders:
        _console().print(f"Ready: {folder}", highlight=False)


def fetch_pretrained(names: list[str] | None, place: Path, wheel: Path | None = None) -> list[Path]:
    """Return the folders of pretrained taggers; the exit code is 1 without network.

    Args:
        names: Their names; None for all.
        place: Folder of the checkpoints.
        wheel: The downloaded wheel.
    """
    from benchmark.checkpoints.pretrained import (
        PRETRAINED,
        WeightsUnavailableError,
        pretrained_checkpoints,
    )

    def announce(text: str) -> None:
        _console(stderr=True).print(text, highlight=False, markup=False)

    try:
        with writing_to(place, "--out"):
            folders = pretrained_checkpoints(
                names or list(PRETRAINED), place, wheel=wheel, announce=announce
            )
    except WeightsUnavailableError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    return list(folders.values())


def import_checkpoint(
    file: Annotated[
        Path,
        typer.Argument(
            help="Published weights: a .pth, .ckpt or .whl file; of a pretrained encoder, its "
            "folder, or its name on the Hugging Face hub."
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="Architecture, such as fcn, musicnn or crnn; or encoder, such as mert or clap."
        ),
    ],
    dataset: Annotated[
        str, typer.Option(help="Training dataset: mtat, msd or jamendo. An encoder needs none.")
    ] = "",
    out: Annotated[
        Path, typer.Option(help="Folder in which the folder of the checkpoint is created.")
    ] = Path("checkpoints"),
    tags: Annotated[
        Path | None,
        typer.Option(help="File of its tags in order, one per line, for other datasets."),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(min=0.1, help="Length of an encoder's windows in seconds."),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Commit of an encoder on the Hugging Face hub.")
    ] = None,
) -> None:
    """Import published weights, such as those of Won et al. 2020, or a pretrained encoder."""
    from benchmark.checkpoints.encoders import encoder_names, import_encoder
    from benchmark.cli.predict_output import import_table

    with writing_to(out, "--out"):
        if model in encoder_names():
            imported = import_encoder(file, model, out, window, revision)
        elif dataset:
            imported = _import_tagger(file, model, dataset, out, tags)
        else:
            raise TagbenchError(
                f"--model {model} needs --dataset, such as mtat, msd or jamendo. The encoders, "
                f"which need none: {', '.join(encoder_names())}."
            )
    _console().print(import_table(imported))
    _console().print(f"Wrote {imported.folder}", highlight=False)


def _import_tagger(file: Path, model: str, dataset: str, out: Path, tags: Path | None) -> Imported:
    from benchmark.checkpoints.importer import import_checkpoint
    from datamodules.labels.vocabularies import read_tags

    return import_checkpoint(file, model, dataset, out, None if tags is None else read_tags(tags))


def predict(
    paths: Annotated[list[Path], typer.Argument(help="Audio files, or folders of audio files.")],
    checkpoint: Checkpoint,
    top: Annotated[
        int, typer.Option(min=0, help="Number of tags to print for each file; 0 prints all.")
    ] = 10,
    format_: Annotated[
        str, typer.Option("--format", help="Output format: table, json or csv.")
    ] = "table",
    windows: Annotated[
        str | None,
        typer.Option(help="tiled, won2020, clmr or musicnn; by default that of the checkpoint."),
    ] = None,
    taggram: Annotated[
        Path | None, typer.Option(help="Folder for the tags over time, as CSV files and pictures.")
    ] = None,
    hop_seconds: Annotated[
        float | None,
        typer.Option(help="Distance between windows of the taggram; by default one window."),
    ] = None,
    device: Device = "",
) -> None:
    """Tag audio files. The exit code is 1 if a file could not be read."""
    from benchmark.cli import predict_output as output
    from benchmark.config.schema import WindowsSpec
    from benchmark.predict.audio_files import find_audio
    from benchmark.publish import load_published

    output.check_format(format_)
    module, card = load_published(checkpoint, device=device)
    determinism.configure(str(module.device))
    keep_freed_memory()
    protocol = windows or card.windows
    windowing = WindowsSpec(protocol=protocol).build("--windows")
    files = find_audio(paths)
    taggrams = output.TaggramOptions(taggram, hop_seconds) if taggram else None
    progress = _console(stderr=True)
    tagged, unreadable = output.tag_files(module, card, files, windowing, top, taggrams, progress)
    if format_ == "json":
        typer.echo(output.as_json(tagged, unreadable, card, protocol))
    elif format_ == "csv":
        typer.echo(output.as_csv(tagged), nl=False)
    elif tagged:
        console = _console()
        console.print(output.as_table(tagged, card, console.width))
    for file in unreadable:
        typer.echo(f"{file.file.name}: {file.reason}", err=True)
    if unreadable:
        raise typer.Exit(1)


def explain(
    paths: Annotated[list[Path], typer.Argument(help="Audio files, or folders of audio files.")],
    checkpoint: Checkpoint,
    out: Annotated[Path, typer.Option(help="Folder for the arrays, tables and pictures.")] = Path(
        "explanations"
    ),
    start: Annotated[float, typer.Option(min=0.0, help="Start in each file, in seconds.")] = 0.0,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Length of a clip; by default to the end of the file, with --splice one window.",
        ),
    ] = None,
    splice: Annotated[
        bool, typer.Option("--splice", help="Explain one clip made of equal parts of the files.")
    ] = False,
    layer: Annotated[
        int | None,
        typer.Option(help="Layer of the contributions, counted from 1; by default the last."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Number of tags in the picture.")] = 15,
    device: Device = "",
) -> None:
    """Show the attention of a self-attention model, and how each moment contributes to the tags."""
    from benchmark.checkpoints.checkpoint import load_checkpoint
    from benchmark.cli import explain_output
    from benchmark.predict.audio_files import find_audio

    module, card = load_checkpoint(checkpoint, device)
    determinism.configure(str(module.device))
    keep_freed_memory()
    part = explain_output.Selection(start, seconds, splice)
    for stem, clip in explain_output.clips(module, find_audio(paths), part, out):
        for path in explain_output.write(module, card, clip, stem, layer, top):
            _console().print(f"Wrote {path}", highlight=False)
