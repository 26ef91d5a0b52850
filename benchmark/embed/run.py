"""Computation of a table of embeddings: what is finished is kept, and the rest is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.embed.identity import check_same
from benchmark.embed.journal import Journal, open_journal
from benchmark.embed.sources import TrackSource
from benchmark.embed.table import (
    EmbeddedTrack,
    check_out,
    read_identity,
    read_table,
    write_table,
)
from benchmark.embed.windows import TrackRows, embed_track, input_view
from benchmark.predict.inference import Audio
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import PARTIAL
from datamodules.common.progress import Progress
from datamodules.loaders.windowing import Windowing
from lightning_modules.base import TaggingModule


@dataclass(frozen=True)
class Request:
    """What is computed of each track.

    Attributes:
        module: Model in evaluation mode, on its device.
        windowing: Protocol that places the windows.
        layers: Names of layers, in the order of the model.
        per_window: Whether each window is a row.
        identity: Identity of the table, see `table_identity`.
    """

    module: TaggingModule
    windowing: Windowing
    layers: tuple[str, ...]
    per_window: bool
    identity: Mapping[str, Any]


@dataclass(frozen=True)
class Summary:
    """What a run has done.

    Attributes:
        computed: Number of tracks that were computed.
        kept: Number of tracks that an earlier run had computed.
        dropped: Number of tracks of the older file that were not asked for.
        n_rows: Rows of the table; None if the file was left as it is.
        widths: Number of values of each layer.
        unreadable: Reason for each track without an embedding, by id.
    """

    computed: int
    kept: int
    dropped: int
    n_rows: int | None
    widths: Mapping[str, int]
    unreadable: Mapping[str, str]


def embed_tracks(source: TrackSource, request: Request, out: Path, progress: Progress) -> Summary:
    """Write the embeddings of tracks to a file.

    Finished tracks are kept beside the file until it is complete, so that a run that was stopped
    can be continued. Tracks of a complete file are kept too, unless their audio has changed.

    Args:
        source: The tracks.
        request: What is computed of each.
        out: File to write, ``.parquet`` or ``.npz``.
        progress: Receives the progress.

    Raises:
        TagbenchError: The file holds other embeddings or is damaged, or no track can be read.
        OSError: The file cannot be written.
    """
    every_width = request.module.layer_widths
    widths = {name: every_width[name] for name in request.layers}
    check_out(out, widths)
    journal_path = out.with_name(out.name + PARTIAL)
    older = _older(out, request.identity)
    track_ids, digests = source.track_ids(), source.digests(progress)
    if older and all(older.values()) and older == digests:
        return Summary(0, len(older), 0, None, widths, {})
    out.parent.mkdir(parents=True, exist_ok=True)
    with open_journal(journal_path, request.identity) as journal:
        wanted = {name: digest for name, digest in digests.items() if digest}
        finished = _collect(journal, out, wanted) if older else journal.finished()
        kept = {name for name, digest in wanted.items() if finished.get(name) == digest}
        missing = [name for name in track_ids if name not in kept]
        unreadable = _compute(journal, source, request, missing, digests, progress)
        done = [name for name in track_ids if name not in unreadable]
        if not done:
            if not finished:
                journal_path.unlink()
            reasons = "".join(f"\n{name}: {reason}" for name, reason in unreadable.items())
            raise TagbenchError(f"No track could be embedded, so {out} is not written.{reasons}")
        tracks = (EmbeddedTrack(name, digests[name], journal.rows(name)) for name in done)
        n_rows = write_table(out, request.identity, widths, tracks)
        journal_path.unlink()
    dropped = len(older.keys() - set(track_ids))
    return Summary(len(done) - len(kept), len(kept), dropped, n_rows, widths, unreadable)


def _older(out: Path, identity: Mapping[str, Any]) -> dict[str, str]:
    """Return the digest of each track of a complete file; none if there is no file."""
    if not out.exists():
        return {}
    check_same(read_identity(out), identity, out)
    return {track.track_id: track.digest for track in read_table(out)}


def _collect(journal: Journal, out: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Add the tracks of a complete file to the journal; return the digest of each finished one."""
    finished = journal.finished()
    for track in read_table(out):
        digest = wanted.get(track.track_id)
        if digest == track.digest and finished.get(track.track_id) != digest:
            journal.add(*track)
            finished[track.track_id] = digest
    return finished


def _compute(
    journal: Journal,
    source: TrackSource,
    request: Request,
    track_ids: Sequence[str],
    digests: Mapping[str, str],
    progress: Progress,
) -> dict[str, str]:
    """Embed tracks and add them to the journal; return the reason for each that failed, by id."""
    unreadable: dict[str, str] = {}
    progress.start(len(track_ids), title="embed")
    try:
        for name, audio in source.read(track_ids, request.module.sample_rate):
            progress.advance()
            rows = audio if isinstance(audio, str) else _embed(request, name, audio)
            if isinstance(rows, str):
                unreadable[name] = rows
                continue
            journal.add(name, digests[name], rows)
    finally:
        progress.finish()
    return unreadable


def _embed(request: Request, track_id: str, audio: Audio) -> TrackRows | str:
    """Return the rows of a track, or the reason why it has none."""
    module = request.module
    try:
        values = input_view(module).of_track(track_id, audio)
    except TagbenchError as error:
        return str(error)
    rows = embed_track(
        module,
        values,
        len(audio) / module.sample_rate,
        request.windowing,
        request.layers,
        per_window=request.per_window,
    )
    return rows if rows.is_finite else "its embedding contains NaN or infinity"
