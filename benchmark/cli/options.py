"""Options, consoles and error handling that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from rich.console import Console

Results = Annotated[
    Path, typer.Option("--results", envvar="TAGBENCH_RESULTS", help="Results folder.")
]
DataRoot = Annotated[
    Path, typer.Option("--data-root", envvar="TAGBENCH_DATA", help="Folder of prepared corpora.")
]
Data = Annotated[
    str | None, typer.Option("--data", help="Folder of your own audio, for the dataset folder.")
]
AudioDir = Annotated[
    str | None, typer.Option("--audio-dir", help="Folder with the audio of a published dataset.")
]
Dataset = Annotated[str, typer.Option("--dataset", help="Name of a dataset, or a YAML file.")]
DatasetName = Annotated[
    str | None, typer.Option("--dataset", help="Name of a dataset. By default all datasets.")
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Number of processes.")]


def console(width: int | None = None, *, stderr: bool = False) -> Console:
    """Return a console; for a file or pipe, its lines have ``width`` columns."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, soft_wrap=not terminal, width=None if terminal else width)


@contextmanager
def writing_to(place: Path, option: str) -> Iterator[None]:
    """Convert an error while writing to a TagbenchError that names the option.

    Args:
        place: The file or folder.
        option: Option of the command line, such as ``--out``.

    Raises:
        TagbenchError: An operation of the file system failed within the block.
    """
    try:
        yield
    except OSError as error:
        raise TagbenchError(
            f"{place} cannot be written: {error}. Free some space, or name another place with "
            f"{option}."
        ) from error


def places(data: str | None, audio_dir: str | None) -> dict[str, str]:
    """Return the parameters of a dataset that are paths on this machine."""
    given = {"data": data, "audio_dir": audio_dir}
    return {name: place for name, place in given.items() if place is not None}
