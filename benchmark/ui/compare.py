"""The screen Compare: leaderboard, difference of two models, curves, and tracks that moved.

Its address may select a dataset and models: ``/compare?dataset=NAME&model=NAME&model=NAME``.
Numbers are those of the tables; what they do not hold is computed from stored predictions with the
same resamples, and kept while the server runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from benchmark.ui.pages import page
from benchmark.ui.results import board as boards
from benchmark.ui.results import difference as differences
from benchmark.ui.results.found import dataset_folder, tables_of
from benchmark.ui.results.moved import moved_tracks
from benchmark.ui.results.scopes import scopes_of

MOST_MODELS = 4

router = APIRouter()

Text = Annotated[str, Query(max_length=500)]


def _folder(request: Request, dataset: Text) -> Path:
    """Return the folder of the dataset that a request names."""
    return dataset_folder(request.app.state.config.results, dataset)


Folder = Annotated[Path, Depends(_folder)]


@router.get("/compare")
def show(request: Request) -> HTMLResponse:
    """Return the page."""
    return page(request, "compare", most_models=MOST_MODELS)


@router.get("/api/compare/datasets")
def datasets(request: Request) -> list[dict[str, Any]]:
    """List the datasets that have results."""
    return boards.list_datasets(request.app.state.config.results)


@router.get("/api/compare/board")
def board(folder: Folder) -> dict[str, Any]:
    """Return the leaderboard."""
    return boards.board(folder)


@router.get("/api/compare/curves")
def curves(folder: Folder) -> dict[str, Any]:
    """Return the degradation curves."""
    return boards.curves_of(folder)


@router.get("/api/compare/tags")
def tags(
    folder: Folder, model: Annotated[list[str], Query(max_length=MOST_MODELS)]
) -> list[dict[str, Any]]:
    """Return the scores of every tag for some models."""
    return boards.tags_of(folder, model)


@router.get("/api/compare/scopes")
def scopes(folder: Folder) -> list[dict[str, str]]:
    """List the conditions over which two models can be compared."""
    return [{"key": one.key, "title": one.title} for one in scopes_of(folder).values()]


@router.get("/api/compare/difference")
def difference(folder: Folder, first: Text, second: Text, scope: Text = "clean") -> dict[str, Any]:
    """Return the paired difference of two models, and their row of ``comparisons.csv``."""
    result = differences.difference(folder, first, second, scope)
    return {**result, "all_pairs": boards.all_pairs(tables_of(folder), first, second, scope)}


@router.get("/api/compare/tracks")
def tracks(folder: Folder, model: Text, condition: Text) -> dict[str, Any]:
    """Return the tracks whose predictions changed most under a condition."""
    return moved_tracks(folder, model, condition)
