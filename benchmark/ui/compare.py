"""The screen Compare."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from benchmark.ui.pages import page

router = APIRouter()


@router.get("/compare")
def show(request: Request) -> HTMLResponse:
    """Return the page."""
    return page(request, "compare")
