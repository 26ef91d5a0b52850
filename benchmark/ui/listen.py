"""The screen Listen: one track, clean and perturbed, and what models say of it over time.

Its address may select everything:
``/listen?corpus=NAME&track=ID&condition=white_noise:3&model=ID&model=ID``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from benchmark.perturbations import CLEAN, catalogue, resolve
from benchmark.report.labels import family_title, level_label
from benchmark.ui.config import UiConfig
from benchmark.ui.models import ModelEntry, chosen_models, find_models
from benchmark.ui.pages import page
from benchmark.ui.tracks import audio_file, find_corpora, open_corpus, row_of, search
from benchmark.ui.uploads import decoded_upload

MOST_MODELS = 4
_SEED = 0  # of the evaluation in a benchmark

router = APIRouter()


class Source(BaseModel):
    """A track: of a corpus, or an upload.

    Attributes:
        kind: Which of the two.
        corpus: Name of the corpus.
        track: Id of the track.
        upload: Digest of the uploaded file.
        name: Its name, for messages.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["corpus", "upload"]
    corpus: str = Field("", max_length=300)
    track: str = Field("", max_length=1000)
    upload: str = Field("", max_length=64)
    name: str = Field("the file", max_length=300)


class Models(BaseModel):
    """Models by their ids."""

    model_config = ConfigDict(extra="forbid")

    models: list[str] = Field(min_length=1, max_length=MOST_MODELS)


class ListenRequest(Models):
    """What to analyse: models, a track and a selection of one condition."""

    source: Source
    condition: str = Field(CLEAN.label, max_length=300)


@router.get("/listen")
def show(request: Request) -> HTMLResponse:
    """Return the page."""
    return page(request, "listen", most_models=MOST_MODELS)


@router.get("/api/models")
def models(request: Request) -> list[dict[str, Any]]:
    """List the models."""
    return [entry.shown() for entry in find_models(request.app.state.config).values()]


@router.get("/api/corpora")
def corpora(request: Request) -> list[dict[str, Any]]:
    """List the prepared corpora."""
    return [
        {
            "id": name, "name": corpus.name, "tracks": len(corpus),
            "rate": corpus.sample_rate, "splits": corpus.info["splits"],
        }
        for name, corpus in find_corpora(request.app.state.config).items()
    ]  # fmt: skip


@router.get("/api/tracks")
def tracks(
    request: Request,
    corpus: str,
    query: Annotated[str, Query(max_length=300)] = "",
    split: Annotated[str, Query(max_length=20)] = "",
) -> dict[str, Any]:
    """Search the tracks of a corpus."""
    return search(open_corpus(request.app.state.config, corpus), query, split)


@router.get("/api/perturbations")
def perturbations() -> list[dict[str, Any]]:
    """List the perturbations with their levels."""
    return [
        {
            "name": name, "title": one.title, "family": family_title(one.family),
            "protocol": one.protocol,
            "levels": [level_label(level, one.unit) for level in one.levels],
        }
        for name, one in catalogue().items()
    ]  # fmt: skip


@router.post("/api/models/load")
def load(request: Request, wanted: Models) -> dict[str, str]:
    """Load models ahead of the first analysis."""
    entries = chosen_models(request.app.state.config, wanted.models)
    return {"job": request.app.state.jobs.submit({"kind": "load", "models": _folders(entries)}).id}


@router.post("/api/listen")
def listen(request: Request, wanted: ListenRequest) -> dict[str, str]:
    """Start an analysis."""
    entries = chosen_models(request.app.state.config, wanted.models)
    resolve(wanted.condition)  # raises before the job starts
    payload = {
        "kind": "listen",
        "models": _folders(entries),
        "condition": wanted.condition,
        "source": _source(request, wanted.source, max(entry.rate for entry in entries)),
    }
    return {"job": request.app.state.jobs.submit(payload).id}


@router.get("/api/audio/{digest}")
def audio(request: Request, digest: str) -> FileResponse:
    """Return the audio of a digest, whole or in part."""
    path = audio_file(request.app.state.config, digest)
    if path is None:
        raise HTTPException(404, "This audio is no longer there: run the analysis again.")
    return FileResponse(path, media_type="audio/wav")


def _folders(entries: list[ModelEntry]) -> list[tuple[str, str]]:
    return [(entry.id, str(entry.folder)) for entry in entries]


def _source(request: Request, source: Source, rate: int) -> dict[str, Any]:
    """Return where the worker process finds a track, and what determines its perturbation."""
    config: UiConfig = request.app.state.config
    if source.kind == "corpus":
        corpus = open_corpus(config, source.corpus)
        row = row_of(corpus, source.track)
        return {
            "kind": "corpus", "key": f"{corpus.manifest_digest} {row}", "root": str(corpus.root),
            "row": row, "track": source.track, "seed": _SEED,
        }  # fmt: skip
    # The samples have the highest rate of the models, so that each loses nothing.
    file, _ = decoded_upload(config, request.app.state.decoders, source.upload, rate, source.name)
    return {
        "kind": "upload", "key": f"{source.upload} {rate}", "file": str(file), "rate": rate,
        "track": source.upload, "seed": _SEED,
    }  # fmt: skip
