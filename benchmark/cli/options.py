"""What several verbs of the command line share: options, and where they write."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

Results = Annotated[
    Path, typer.Option("--results", envvar="TAGBENCH_RESULTS", help="Results folder.")
]
DataRoot = Annotated[
    Path, typer.Option("--data-root", envvar="TAGBENCH_DATA", help="Folder of prepared corpora.")
]
Data = Annotated[
    str | None, typer.Option("--data", help="Folder of your own audio (dataset folder).")
]
AudioDir = Annotated[
    str | None, typer.Option("--audio-dir", help="Folder of a published dataset's audio.")
]
Dataset = Annotated[str, typer.Option("--dataset", help="A dataset, or a YAML file.")]
DatasetName = Annotated[str | None, typer.Option("--dataset", help="Only this dataset.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes.")]


def console(width: int | None = None, *, stderr: bool = False) -> Console:
    """Return where to write; a file or pipe gets lines of ``width`` columns."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, soft_wrap=not terminal, width=None if terminal else width)


def places(data: str | None, audio_dir: str | None) -> dict[str, str]:
    """Return the parameters of a dataset that name a place on this machine."""
    given = {"data": data, "audio_dir": audio_dir}
    return {name: place for name, place in given.items() if place is not None}
