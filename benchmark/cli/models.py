"""The verbs about models on disk: import, predict, explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark import determinism
from benchmark.cli.options import console as _console
from benchmark.malloc import keep_freed_memory

Checkpoint = Annotated[
    Path,
    typer.Option(
        "--checkpoint", "-c", help="Imported checkpoint, or results/cells/<id> of a trained model."
    ),
]
Device = Annotated[
    str, typer.Option("--device", help="cpu or cuda:<index>; a GPU by default where there is one.")
]


def import_checkpoint(
    file: Annotated[Path, typer.Argument(help="A .pth file of Won et al. 2020.")],
    model: Annotated[str, typer.Option(help="Its architecture: fcn, musicnn, crnn, ...")],
    dataset: Annotated[str, typer.Option(help="What it was trained on: mtat, msd, jamendo.")],
    out: Annotated[Path, typer.Option(help="Folder of checkpoints.")] = Path("checkpoints"),
    tags: Annotated[
        Path | None, typer.Option(help="Its tags in order, one a line, if no published list.")
    ] = None,
) -> None:
    """Bring in published weights of Won et al. 2020."""
    from benchmark.checkpoints import won2020
    from benchmark.predict import prediction_output
    from datamodules.labels.vocabularies import read_tags

    names = None if tags is None else read_tags(tags)
    imported = won2020.import_checkpoint(file, model, dataset, out, names)
    _console().print(prediction_output.import_table(imported))
    _console().print(f"Wrote {imported.folder}", highlight=False)


def predict(
    paths: Annotated[list[Path], typer.Argument(help="Audio files and folders of them.")],
    checkpoint: Checkpoint,
    top: Annotated[int, typer.Option(min=0, help="Tags a file; 0 for all.")] = 10,
    format_: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table",
    windows: Annotated[
        str | None, typer.Option(help="tiled or won2020; by default the checkpoint's own.")
    ] = None,
    taggram: Annotated[
        Path | None, typer.Option(help="Folder for tags over time, as CSV and picture.")
    ] = None,
    hop_seconds: Annotated[
        float | None, typer.Option(help="Step of the taggram; a window by default.")
    ] = None,
    device: Device = "",
) -> None:
    """Tag audio files; exit code 1 if one of them could not be read."""
    from benchmark.checkpoints.checkpoint import load_checkpoint
    from benchmark.cli.predict_output import run
    from benchmark.config.schema import WindowsSpec
    from benchmark.predict import prediction_output as output
    from benchmark.predict.audio_files import find_audio

    output.check_format(format_)
    module, card = load_checkpoint(checkpoint, device)
    determinism.configure(str(module.device))
    keep_freed_memory()
    protocol = windows or card.windows
    windowing = WindowsSpec(protocol=protocol).build()
    files = find_audio(paths)
    tagged, failures = run(
        module, card, files, windowing, top, taggram, hop_seconds, _console(stderr=True)
    )
    if format_ == "json":
        typer.echo(output.as_json(tagged, failures, card, protocol))
    elif format_ == "csv":
        typer.echo(output.as_csv(tagged), nl=False)
    elif tagged:
        _console().print(output.as_table(tagged, card))
    for failure in failures:
        typer.echo(f"{failure.file.name}: {failure.reason}", err=True)
    if failures:
        raise typer.Exit(1)


def explain(
    file: Annotated[Path, typer.Argument(help="An audio file.")],
    checkpoint: Checkpoint,
    out: Annotated[Path, typer.Option(help="Folder for arrays, tables and pictures.")] = Path(
        "explanations"
    ),
    start: Annotated[float, typer.Option(min=0.0, help="Where to start, in seconds.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(help="How much; to the end by default.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Tags in the picture.")] = 15,
    device: Device = "",
) -> None:
    """Show where a self-attention model looks, and what each moment says."""
    from benchmark.checkpoints.checkpoint import load_checkpoint
    from benchmark.predict import attention, attention_plots
    from datamodules.audio.decode import decode
    from datamodules.common.errors import TagbenchError

    module, card = load_checkpoint(checkpoint, device)
    determinism.configure(str(module.device))
    keep_freed_memory()
    audio = decode(file, module.sample_rate)
    stop = None if seconds is None else round((start + seconds) * module.sample_rate)
    part = audio[round(start * module.sample_rate) : stop]
    if not len(part):
        length = len(audio) / module.sample_rate
        raise TagbenchError(f"--start {start:g}: {file} is {length:.2f} s long.")
    explanation = attention.explain(module, card.tags, part, start)
    title = f"{file.name}  ·  {card.title} trained on {card.dataset}"
    for path in attention_plots.write(explanation, out / file.stem, title, top):
        _console().print(f"Wrote {path}", highlight=False)
