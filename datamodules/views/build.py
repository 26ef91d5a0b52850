"""Computation of a view of the tracks of a corpus: parallel and resumable.

The rows of a track depend on the view and on the stored samples, or on the id of the track where
the view reads it. They are stored by the digest of the samples and by that id, so that a corpus
that is prepared again keeps them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import PARTIAL, check_disk_space, exclusive_lock, naming_errors
from datamodules.common.formatting import human_bytes
from datamodules.common.progress import Progress, Silent
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.decoding.workers import JobFailed, Pool, TrackFinished, WorkerExited
from datamodules.corpus.track import Float32
from datamodules.views.base import View
from datamodules.views.resample import at_rate
from datamodules.views.rows import (
    Entry,
    Int64,
    Key,
    StoredRows,
    read_index,
    rows_path,
    track_keys,
    view_folder,
    write_index,
)

MOST_TRACKS = 32
"""Largest number of tracks in a shard: what a killed run loses for each worker."""

_JOBS_PER_WORKER = 4
_NO_AUDIO = np.zeros(1, np.float32)


@dataclass(frozen=True)
class ViewJob:
    """Tracks whose rows are stored in one shard.

    Attributes:
        root: Folder of the corpus.
        folder: Folder of the view.
        number: Number of the shard.
        view: The view.
        tracks: Row in the corpus, and key, of each track.
    """

    root: Path
    folder: Path
    number: int
    view: View
    tracks: tuple[tuple[int, Key], ...]

    def run(self, on_track: Callable[[], None]) -> None:
        """Compute and store the rows.

        Raises:
            TagbenchError: The view of a track does not have the declared width, or is not finite.
        """
        corpus = Corpus.open(self.root)
        path = rows_path(self.folder, self.number)
        partial = path.with_name(path.name + PARTIAL)
        entries: list[Entry] = []
        offset = 0
        try:
            with naming_errors(path), partial.open("wb") as file:
                for row, key in self.tracks:
                    track_id = str(corpus.track_ids[row])
                    audio = corpus.audio(row) if self.view.reads_audio else _NO_AUDIO
                    rows = view_of(self.view, track_id, audio, corpus.sample_rate)
                    _check(rows, self.view, track_id)
                    file.write(np.ascontiguousarray(rows, dtype="<f4").data)
                    entries.append(Entry(key, offset, len(rows)))
                    offset += len(rows)
                    on_track()
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        write_index(self.folder, self.number, self.view, entries)


def view_of(view: View, track_id: str, audio: Float32, sample_rate: int) -> Float32:
    """Return the view of a track, float32 of shape ``(rows, width)``.

    Args:
        view: The view.
        track_id: Id of the track.
        audio: Samples (T,), at least one; they are not resampled for a view that does not read
            them.
        sample_rate: Rate in Hz of ``audio``, which is resampled to that of the view.
    """
    wanted = view.sample_rate if view.reads_audio else sample_rate
    return view.of_track(track_id, at_rate(audio, sample_rate, wanted))


def build_view(
    corpus: Corpus,
    view: View,
    rows: Int64,
    *,
    workers: int = 0,
    progress: Progress | None = None,
) -> StoredRows:
    """Compute a view of some tracks, unless it is stored, and open it.

    Args:
        corpus: A prepared corpus.
        view: The view.
        rows: Rows of the corpus.
        workers: Number of processes; 0 computes in this process.
        progress: Receives the progress.

    Raises:
        TagbenchError: The disk is too small, or the view of a track cannot be computed.
    """
    folder = view_folder(corpus, view)
    listener = progress or Silent()
    wanted = dict(zip(track_keys(corpus, view, rows), rows.tolist(), strict=True))
    if wanted.keys() - read_index(folder, view).keys():
        folder.mkdir(parents=True, exist_ok=True)
        waiting = f"Another process computes the view {view.name!r} of {corpus.name!r}; waiting."
        with exclusive_lock(folder / ".lock", lambda: listener.announce(waiting)):
            stored = read_index(folder, view)
            missing = [(row, key) for key, row in wanted.items() if key not in stored]
            if missing:
                view.check_tracks([str(corpus.track_ids[row]) for row, _ in missing])
                _compute(corpus, view, folder, missing, workers, listener)
    return StoredRows.open(corpus, view, rows)


def _compute(
    corpus: Corpus,
    view: View,
    folder: Path,
    tracks: Sequence[tuple[int, Key]],
    workers: int,
    progress: Progress,
) -> None:
    for partial in folder.glob(f"*{PARTIAL}"):
        partial.unlink(missing_ok=True)
    seconds = corpus.samples[[row for row, _ in tracks]] / corpus.sample_rate
    size = 4 * view.width * sum(view.rows(float(length)) for length in seconds)
    free = check_disk_space(folder, size, f"the view {view.name!r} of {len(tracks)} tracks")
    progress.announce(
        f"{corpus.name}: view {view.name!r} of {len(tracks)} tracks, about {human_bytes(size)}, "
        f"to be written to {folder} ({human_bytes(free)} free)."
    )
    numbers = [int(path.stem) for path in folder.iterdir() if path.stem.isdigit()]
    jobs = _plan(corpus, view, folder, tracks, max(numbers, default=-1) + 1, workers)
    progress.start(len(tracks), title=f"compute {view.name}")
    try:
        if workers > 0:
            _run_in_processes(jobs, min(workers, len(jobs)), folder, progress)
        for job in jobs:
            job.run(progress.advance)
    finally:
        progress.finish()


def _plan(
    corpus: Corpus,
    view: View,
    folder: Path,
    tracks: Sequence[tuple[int, Key]],
    first: int,
    workers: int,
) -> deque[ViewJob]:
    size = min(MOST_TRACKS, -(-len(tracks) // (_JOBS_PER_WORKER * max(workers, 1))))
    groups = [tuple(tracks[start : start + size]) for start in range(0, len(tracks), size)]
    return deque(
        ViewJob(corpus.root, folder, first + number, view, group)
        for number, group in enumerate(groups)
    )


def _run_in_processes(jobs: deque[ViewJob], workers: int, folder: Path, progress: Progress) -> None:
    with Pool[ViewJob, None](workers, folder / ".workers.lock") as pool:
        for event in pool.run(jobs):
            if isinstance(event, TrackFinished):
                progress.advance()
            elif isinstance(event, JobFailed):
                if event.number:
                    raise OSError(event.number, event.text)
                raise TagbenchError(f"A view cannot be computed.\n{event.text}")
            elif isinstance(event, WorkerExited):
                row, _ = event.job.tracks[min(event.finished, len(event.job.tracks) - 1)]
                raise TagbenchError(
                    f"A process exited (status {event.status}) while it computed the view "
                    f"{event.job.view.name!r} of row {row} of the corpus, often for lack of "
                    "memory. Run again with --workers 1; what is already computed is kept."
                )


def _check(rows: Float32, view: View, track_id: str) -> None:
    if rows.ndim != 2 or not len(rows) or rows.shape[1] != view.width:
        raise TagbenchError(
            f"The view {view.name!r} of track {track_id!r} has shape {rows.shape}, expected "
            f"(rows, {view.width}) with at least one row."
        )
    if not np.isfinite(rows).all():
        raise TagbenchError(
            f"The view {view.name!r} of track {track_id!r} is not finite in "
            f"{int((~np.isfinite(rows)).sum())} of {rows.size} values."
        )
