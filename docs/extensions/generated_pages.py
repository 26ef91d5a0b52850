"""Sphinx extension that writes the pages of the reference from the code, at each build.

The pages are in ``docs/generated/``, which git ignores: the command line from the commands of
typer, the YAML files from their pydantic models, the CSV files from the table schemas, and the
guides that stand outside ``docs/``, with their links adapted.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import command_line_page
import table_pages
import yaml_page

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]
OUTSIDE = {"CONTRIBUTING.md": "contributing", "results/README.md": "result-files"}
"""Pages outside ``docs/`` that are part of the site, and their names below ``generated/``."""

_LINK = re.compile(r"\]\((?!https?:|mailto:|#|/)([^)#\s]+)(#[^)\s]*)?\)")


def with_site_links(text: str, folder: Path) -> str:
    """Return Markdown with each relative link as one from the root of the site.

    Args:
        text: Source of a page.
        folder: Folder of the page, which its links are relative to.
    """

    def link(match: re.Match[str]) -> str:
        path, anchor = match[1], match[2] or ""
        target = Path(os.path.normpath(folder / path))
        for outside, name in OUTSIDE.items():
            if target == DOCS.parent / outside:
                return f"](/generated/{name}.md{anchor})"
        if target.is_relative_to(DOCS):
            return f"](/{target.relative_to(DOCS).as_posix()}{anchor})"
        return match[0]

    return _LINK.sub(link, text)


def pages() -> dict[str, str]:
    """Return the Markdown of each generated page by its name."""
    rendered = {
        "commands": command_line_page.render(),
        "yaml": yaml_page.render(),
        "tables": table_pages.render(),
    }
    for outside, name in OUTSIDE.items():
        path = DOCS.parent / outside
        rendered[name] = with_site_links(path.read_text("utf-8"), path.parent)
    return rendered


def _write(app: Sphinx) -> None:
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def _adapt(app: Sphinx, docname: str, source: list[str]) -> None:
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".md":
        source[0] = with_site_links(source[0], path.parent)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx."""
    app.connect("builder-inited", _write, priority=100)
    app.connect("source-read", _adapt)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
