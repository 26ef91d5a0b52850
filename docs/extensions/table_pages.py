"""The page of the columns of every CSV file, from the table schemas."""

from __future__ import annotations

from markdown import table

from benchmark.score.tables.schema import TableSpec, all_tables

_INTRODUCTION = """\
# Columns of the CSV files

This page is generated from the schemas of the tables, which are also written to `tables.json` of
each dataset. [Result files](/generated/result-files.md) describes the metrics and the other files.
`<...>` in a name stands for any text.
"""


def _section(spec: TableSpec) -> str:
    rows = [
        (f"`{column.name}`", column.kind, column.description)
        for column in (*spec.columns, *spec.on_demand)
    ]
    keys = ", ".join(f"`{key}`" for key in spec.keys)
    body = table(("column", "type", "meaning"), rows)
    return f"## {spec.file}\n\nContent: {spec.description}. Key: {keys}.\n\n{body}\n"


def render() -> str:
    """Return the page in Markdown."""
    return "\n".join([_INTRODUCTION, *map(_section, all_tables().values())])
