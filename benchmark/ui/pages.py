"""Rendering of the pages."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmark import __version__

SCREENS = (("listen", "Listen"), ("compare", "Compare"), ("sweeps", "Sweeps"))
"""Path and title of each screen, in the order of the navigation."""


@cache
def environment() -> Environment:
    """Return the Jinja environment of ``benchmark/ui/templates``."""
    return Environment(
        loader=PackageLoader("benchmark.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(request: Request, name: str, **values: Any) -> HTMLResponse:
    """Return the page of a screen.

    Args:
        request: The request.
        name: Name of the screen, of its template and of its script.
        **values: Variables of the template.
    """
    text = environment().get_template(f"{name}.html.jinja").render(
        screen=name,
        screens=SCREENS,
        title=dict(SCREENS)[name],
        results=str(request.app.state.config.results),
        version=__version__,
        **values,
    )  # fmt: skip
    return HTMLResponse(text)
