"""The generated tables of the README: ``python -m benchmark.catalog.readme --write`` renews them.

Nothing in them is typed by hand: models and datasets come from their classes, published scores
from ``results/published.csv``, and the scores on the embedded corpus from ``results/synth``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmark.catalog import dataset_cards, model_cards
from datamodules.common.errors import TagbenchError

README = Path(__file__).resolve().parents[2] / "README.md"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose first column is code."""
    lines = [header, ["---"] * len(header), *([f"`{row[0]}`", *row[1:]] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def renew(text: str, name: str, table: str) -> str:
    """Replace the table between the comments ``name:start`` and ``name:end``.

    Raises:
        TagbenchError: The comments are not there, once each and in this order.
    """
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed) or start in after or end in after:
        raise TagbenchError(f"README.md: expected one line {start} and one {end} after it.")
    return f"{before}{start}\n{table}\n{end}{after}"


def renewed(text: str) -> str:
    """Return the README with the tables of models and datasets as they are now."""
    models = markdown(model_cards.header(), [item.cells() for item in model_cards.cards()])
    datasets = markdown(dataset_cards.HEADER, [item.cells() for item in dataset_cards.cards()])
    return renew(renew(text, "models", models), "datasets", datasets)


def main(
    write: Annotated[bool, typer.Option("--write", help="Renew the tables in the README.")] = False,
    synth: Annotated[
        Path | None, typer.Option(help="Results folder whose scores on synth to show, too.")
    ] = None,
) -> None:
    """Print the README with its tables renewed, or write it."""
    text = renewed(README.read_text("utf-8"))
    if synth is not None:
        from benchmark.catalog.readme_scores import HEADER, rows

        text = renew(text, "synth", markdown(HEADER, rows(synth)))
    if write:
        README.write_text(text, "utf-8")
    else:
        typer.echo(text)


if __name__ == "__main__":
    typer.run(main)
