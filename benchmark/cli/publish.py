"""Command that writes finished results in the formats of other tools."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import DataRoot, console, writing_to
from datamodules.common.errors import TagbenchError

Licences = Annotated[
    list[str] | None,
    typer.Option(
        "--licence",
        help="Licence of the weights that were trained here, such as cc-by-4.0; MODEL=LICENCE "
        "for one model. May be repeated.",
    ),
]
NoWeights = Annotated[
    list[str] | None,
    typer.Option("--no-weights", help="Model whose weights are left out, or all. May be repeated."),
]
Tracks = Annotated[
    bool, typer.Option("--tracks/--no-tracks", help="Include the list of tracks, in Croissant.")
]
Date = Annotated[str, typer.Option(help="YYYY-MM-DD; by default the day of the last result.")]


def publish(
    results: Annotated[Path, typer.Argument(help="Results of a dataset, such as results/synth.")],
    to: Annotated[Path, typer.Option("--to", help="Folder to write: new, empty, or published.")],
    data_root: DataRoot = Path("data"),
    licence: Licences = None,
    no_weights: NoWeights = None,
    hub_dataset: Annotated[
        str, typer.Option(help="Name of the dataset on the Hugging Face hub.")
    ] = "",
    predictions: Annotated[
        bool, typer.Option("--predictions/--no-predictions", help="Include the predictions.")
    ] = True,
    tracks: Tracks = True,
    partial: Annotated[
        bool, typer.Option("--partial", help="Publish the finished cells of an unfinished run.")
    ] = False,
    date: Date = "",
) -> None:
    """Write checkpoints, scores, tracks and provenance for the Hugging Face hub and other tools."""
    from benchmark.publish.publication import Choices
    from benchmark.publish.write import publish as write

    default, licences = _licences(licence or [])
    choices = Choices(
        default,
        licences,
        frozenset(no_weights or ()),
        hub_dataset,
        predictions,
        tracks,
        partial,
        _date(date),
    )
    with writing_to(to, "--to"):
        publication = write(results, to, data_root, choices)
    out = console()
    for model in publication.models:
        weights = f"licence {model.licence}" if model.weights else "without weights"
        out.print(f"{model.path}: {model.name}, {weights}", highlight=False, markup=False)
    out.print(f"Wrote {to}", highlight=False, markup=False)


def _licences(values: list[str]) -> tuple[str, dict[str, str]]:
    """Return the licence of all models, and those of single models."""
    default, own = "", {}
    for value in values:
        model, separator, name = value.rpartition("=")
        if not name or (separator and not model):
            raise TagbenchError(
                f"--licence {value}: expected a licence, such as cc-by-4.0, or MODEL=LICENCE."
            )
        if separator:
            own[model] = name
        elif default and default != name:
            raise TagbenchError(
                f"--licence: {default} and {name} are both given for all models. Name the models: "
                "--licence MODEL=LICENCE."
            )
        else:
            default = name
    return default, own


def _date(text: str) -> str:
    try:
        return datetime.date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise TagbenchError(f"--date {text}: expected a date such as 2026-11-27.") from error
