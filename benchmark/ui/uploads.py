"""Uploaded audio files: stored under their digest, and decoded in a process with limits."""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from benchmark.ui.config import UiConfig
from benchmark.ui.jobs import Jobs
from benchmark.ui.security import UPLOADS
from datamodules.common.errors import TagbenchError

RATE = 16000
"""Sample rate in Hz at which an upload is decoded first; others follow when a model needs them."""

_KEPT = 8  # uploads
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_BESIDE_LIMIT_S = 10.0  # waiting for the process itself

router = APIRouter()


@router.post(UPLOADS)
async def upload(
    request: Request, name: Annotated[str, Query(min_length=1, max_length=300)]
) -> dict[str, Any]:
    """Store and decode the file that the body of the request holds.

    Args:
        request: The request.
        name: Name of the file for messages; it names no file on this machine.
    """
    config: UiConfig = request.app.state.config
    folder = config.scratch / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{secrets.token_hex(16)}.part"
    digest = hashlib.sha256()
    try:
        with partial.open("wb") as file:
            async for block in request.stream():
                digest.update(block)
                await run_in_threadpool(file.write, block)
        identifier = digest.hexdigest()
        path = _stored(config, identifier) or folder / f"{identifier}{_suffix(name)}"
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _remove_oldest(config)
    try:
        decoded = await run_in_threadpool(
            decoded_upload, config, request.app.state.decoders, identifier, RATE, _shown(name)
        )
    except TagbenchError:
        path.unlink(missing_ok=True)
        raise
    return {"upload": identifier, "name": _shown(name), "seconds": decoded[1]}


def decoded_upload(
    config: UiConfig, decoders: Jobs, digest: str, rate: int, name: str
) -> tuple[Path, float]:
    """Return the samples of an upload at a sample rate, as a NumPy file.

    Args:
        config: Settings.
        decoders: Process that decodes.
        digest: Digest of the file.
        rate: Sample rate in Hz.
        name: Name of the file for messages.

    Returns:
        The file, and the length of the audio in seconds.

    Raises:
        TagbenchError: There is no such upload, or it cannot be decoded.
    """
    path = _stored(config, digest) if _DIGEST.fullmatch(digest) else None
    if path is None:
        raise TagbenchError("The uploaded file is no longer there. Choose it again.")
    out = config.scratch / "decoded" / f"{digest}-{rate}.npy"
    out.parent.mkdir(exist_ok=True)
    if out.is_file():
        return out, len(np.load(out, mmap_mode="r", allow_pickle=False)) / rate
    job = decoders.submit({"file": str(path), "name": name, "rate": rate, "out": str(out)})
    if not job.ended.wait(config.decode_seconds + _BESIDE_LIMIT_S) or job.state != "done":
        job.cancelled.set()
        raise TagbenchError(job.error or f"{name} was not decoded in time.")
    return out, float(job.result["seconds"])


def _stored(config: UiConfig, digest: str) -> Path | None:
    """Return the stored file of a digest."""
    folder = config.scratch / "uploads"
    return next((path for path in folder.glob(f"{digest}*") if path.suffix != ".part"), None)


def _suffix(name: str) -> str:
    """Return the suffix of a name, by which the decoder recognises damaged MP3 files."""
    suffix = Path(name.replace("\\", "/")).suffix.lower()
    return suffix if _SUFFIX.fullmatch(suffix) and suffix != ".part" else ""


def _shown(name: str) -> str:
    """Return the last part of a name, without control characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:120] or "the file"


def _remove_oldest(config: UiConfig) -> None:
    """Remove the oldest uploads with what was decoded from them."""
    files = [path for path in (config.scratch / "uploads").iterdir() if path.suffix != ".part"]
    files.sort(key=lambda path: path.stat().st_mtime)
    for path in files[:-_KEPT]:
        for decoded in (config.scratch / "decoded").glob(f"{path.stem}-*.npy"):
            decoded.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
