"""The generated tables of docs/; ``python -m benchmark.catalog.readme --write``.

Models and datasets come from their classes, published scores from ``results/published.csv``, and
the scores on the embedded corpus from a results folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmark.catalog import dataset_cards, model_cards
from datamodules.common.errors import TagbenchError

ROOT = Path(__file__).resolve().parents[2]

PAGES: Mapping[str, str] = {
    "datasets": "docs/datasets.md",
    "models": "docs/models.md",
    "synth": "docs/models.md",
    "elsewhere": "docs/pretrained.md",
}
"""Page of each generated table, by the name in its markers."""


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose first column is set as code."""
    lines = [header, ["---"] * len(header), *([f"`{row[0]}`", *row[1:]] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def renew(text: str, name: str, table: str, page: str = "README.md") -> str:
    """Replace the table between the comments ``name:start`` and ``name:end``.

    Args:
        text: Text of the page.
        name: Name of the table.
        table: The new table.
        page: Path of the page, for the error message.

    Raises:
        TagbenchError: The page does not have both comments, once each and in this order.
    """
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    before, opened, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not (opened and closed) or start in after or end in after:
        raise TagbenchError(f"{page}: expected one line {start} and one {end} after it.")
    return f"{before}{start}\n{table}\n{end}{after}"


def tables(results: Path | None = None, elsewhere: Path | None = None) -> dict[str, str]:
    """Return the generated tables by name.

    Args:
        results: Results folder with the scores on the embedded corpus; None leaves that table out.
        elsewhere: Results folder with the scores of published weights there; None as well.
    """
    from benchmark.catalog import readme_scores as scores

    rendered = {
        "datasets": markdown(
            dataset_cards.HEADER, [card.cells() for card in dataset_cards.cards()]
        ),
        "models": markdown(model_cards.header(), [card.cells() for card in model_cards.cards()]),
    }
    if results is not None:
        rendered["synth"] = markdown(scores.HEADER, scores.rows(results))
    if elsewhere is not None:
        rows = scores.elsewhere_rows(elsewhere)
        rendered["elsewhere"] = markdown(scores.ELSEWHERE_HEADER, rows)
    return rendered


def renewed(contents: Mapping[str, str]) -> dict[str, str]:
    """Return the text of every page with a generated table, by path, with ``contents`` put in.

    Args:
        contents: Tables by name.
    """
    pages: dict[str, str] = {}
    for name, table in contents.items():
        page = PAGES[name]
        text = pages.get(page) or (ROOT / page).read_text("utf-8")
        pages[page] = renew(text, name, table, page)
    return pages


def main(
    write: Annotated[bool, typer.Option("--write", help="Write the pages.")] = False,
    synth: Annotated[
        Path | None, typer.Option(help="Results folder whose scores on synth are shown as well.")
    ] = None,
    elsewhere: Annotated[
        Path | None,
        typer.Option(help="Results folder with a run of published weights on synth, as well."),
    ] = None,
) -> None:
    """Print the pages with their tables renewed, or write them."""
    for page, text in renewed(tables(synth, elsewhere)).items():
        if write:
            (ROOT / page).write_text(text, "utf-8")
        else:
            typer.echo(text)


if __name__ == "__main__":
    typer.run(main)
