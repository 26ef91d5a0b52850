"""The application: routes of all screens behind the checks of `benchmark.ui.security`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from benchmark.ui import compare, jobs, listen, sweeps, uploads
from benchmark.ui.config import UiConfig
from benchmark.ui.jobs import Jobs
from benchmark.ui.security import Guard
from benchmark.ui.work import worker
from datamodules.common.errors import TagbenchError

_STATIC = Path(str(files("benchmark.ui"))) / "static"
_REPORT = Path(str(files("benchmark.report"))) / "templates"


def create_app(config: UiConfig) -> FastAPI:
    """Return the application.

    Args:
        config: What is shown, and who may see it. Routes read it as ``request.app.state.config``.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for queue in (app.state.jobs, app.state.decoders):
            queue.warm_up()  # while the user reads the page
        yield
        for queue in (app.state.jobs, app.state.decoders):
            queue.close()

    # The pages of OpenAPI load scripts from elsewhere.
    app = FastAPI(
        title="tagbench", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.config = config
    app.state.jobs = Jobs(worker.analyst, (str(config.scratch),), config.job_seconds)
    app.state.decoders = Jobs(worker.decoder, (config.decode_bytes,), config.decode_seconds)
    app.add_middleware(Guard, config=config)
    app.add_exception_handler(TagbenchError, _failure)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    for screen in (listen, uploads, jobs, compare, sweeps):
        app.include_router(screen.router)

    @app.get("/")
    def start() -> RedirectResponse:
        return RedirectResponse("/listen")

    # The report and the pages share their style and the sorting and filtering of tables.
    @app.get("/static/report.css")
    def style() -> FileResponse:
        return FileResponse(_REPORT / "report.css")

    @app.get("/static/report.js")
    def tables() -> FileResponse:
        return FileResponse(_REPORT / "report.js")

    app.mount("/static", StaticFiles(directory=_STATIC))
    return app


async def _failure(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


async def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "The request failed."
    return JSONResponse({"error": detail}, status_code=status)


async def _invalid(_: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    place = ".".join(str(part) for part in first.get("loc", ()))
    return JSONResponse({"error": f"{place}: {first.get('msg', '')}"}, status_code=422)
