"""The screen Sweeps: what runs, how far it is, and what failed.

Everything is read from files, so that it does not matter which process or machine runs the
benchmark. The page asks every two seconds.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from benchmark.ui.pages import page
from benchmark.ui.results.found import dataset_folder
from benchmark.ui.results.logs import read_log
from benchmark.ui.results.progress import watcher

EVERY_S = 2
"""Time between two requests of the page."""

router = APIRouter()

Text = Annotated[str, Query(max_length=500)]


@router.get("/sweeps")
def show(request: Request) -> HTMLResponse:
    """Return the page."""
    return page(request, "sweeps", every_s=EVERY_S)


@router.get("/api/sweeps")
def progress(request: Request) -> list[dict[str, Any]]:
    """Return the progress of each dataset."""
    return watcher(request.app.state.config.results).progress(time.time())


@router.get("/api/sweeps/log")
def log(request: Request, dataset: Text, name: Text) -> dict[str, str]:
    """Return the last lines of a log file of the results folder that holds a dataset."""
    folder = dataset_folder(request.app.state.config.results, dataset)
    return {"name": name, "text": read_log(folder.parent, name)}
