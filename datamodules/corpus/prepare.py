"""Preparation of a corpus on disk from a list of tracks: parallel, resumable and atomic.

The order of writing makes an interruption safe at any time. Each shard is written with its sidecar;
a restart keeps the finished shards and decodes the other tracks. The manifest is written when all
tracks are decoded. ``corpus.json``, which marks the corpus as complete, is written last.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from datamodules.common.cpus import usable_cpus
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import DISK_FULL, exclusive_lock
from datamodules.common.progress import Progress, Silent
from datamodules.corpus.corpus import CORPUS_FORMAT, Corpus
from datamodules.corpus.decoding.run import Decoding
from datamodules.corpus.digests import input_digest
from datamodules.corpus.manifest_writer import Description, publish
from datamodules.corpus.track import Track
from datamodules.corpus.validation import check_tracks

Supply = Callable[[Sequence[Track]], Iterable[Sequence[Track]]]
"""Makes audio available: called with the tracks to be decoded, it yields them again in groups whose
audio can be read now. What follows a ``yield`` runs when that group has been decoded."""

_log = logging.getLogger(__name__)


def prepare(
    tracks: Sequence[Track],
    root: str | Path,
    *,
    name: str,
    tags: Sequence[str],
    task: str,
    sample_rate: int,
    workers: int | None = None,
    progress: Progress | None = None,
    donors: Sequence[Path] = (),
    supply: Supply | None = None,
) -> Corpus:
    """Decode ``tracks`` into a corpus, or open the corpus if that has been done.

    A track that cannot be decoded is listed in ``rejected.csv`` and left out. Called again after an
    interruption, only what is missing is decoded; with other tracks, only new and changed ones.

    Args:
        tracks: Every track, each with a split.
        root: Folder of the corpus, created if needed.
        name: Name of the dataset.
        tags: Classes in order.
        task: ``"multilabel"`` or ``"singlelabel"``.
        sample_rate: Sample rate of the corpus in Hz.
        workers: Number of decoding processes; by default one for each core, 0 for this process.
        progress: Receives the progress.
        donors: Other corpora that may hold some of the tracks. Their shards are linked after the
            sources were compared.
        supply: See `Supply`; by default all audio can be read at once.

    Raises:
        TagbenchError: If the tracks are inconsistent, the disk is full, or none can be decoded.
    """
    listener = progress or Silent()
    check_tracks(tracks, tags, task, name)
    ordered = sorted(tracks, key=lambda track: track.track_id)
    wanted = input_digest(ordered, name=name, tags=tags, task=task, sample_rate=sample_rate)
    about = Description(name, tags, task, sample_rate, wanted)
    if not _is_complete(Path(root), wanted):
        run = Decoding(
            Path(root) / "shards", sample_rate, usable_cpus() if workers is None else workers
        )
        _build(run, ordered, donors, supply, listener, about)
    return Corpus.open(root)


def _build(
    run: Decoding,
    tracks: Sequence[Track],
    donors: Sequence[Path],
    supply: Supply | None,
    progress: Progress,
    about: Description,
) -> None:
    """Decode and publish under a lock, unless another process has done so meanwhile."""
    folder = run.shards.parent
    try:
        run.shards.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(
            folder / ".lock",
            lambda: progress.announce(f"Waiting for another process that prepares {folder}"),
        ):
            if not _is_complete(folder, about.input_digest):
                _decode(run, tracks, donors, supply, progress, about.name)
                publish(folder, tracks, run.facts, about)
                for caution in Corpus.open(folder).info["cautions"]:
                    _log.warning("%s: %s", about.name, caution)
    except OSError as error:
        raise _explain(error, folder) from error


def _decode(
    run: Decoding,
    tracks: Sequence[Track],
    donors: Sequence[Path],
    supply: Supply | None,
    progress: Progress,
    name: str,
) -> None:
    """Decode every track that is neither on disk nor in a corpus that it can be linked from."""
    run.collect(tracks, donors)
    missing = run.missing(tracks)
    for group in supply(missing) if supply and missing else [missing]:
        run.decode(group, progress, name)
    # A track that was never supplied is rejected by its own source, with a reason.
    run.decode(tracks, progress, name)


def _is_complete(folder: Path, wanted: str) -> bool:
    try:
        info = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (
        info.get("format") == CORPUS_FORMAT
        and info.get("input_digest") == wanted
        and (folder / "manifest.parquet").is_file()
    )


def _explain(error: OSError, folder: Path) -> TagbenchError:
    if error.errno in DISK_FULL:
        return TagbenchError(
            f"The disk is full: {folder} could not be written ({error.strerror or error}). "
            "Free some space and run the same command again: what is decoded so far is kept."
        )
    return TagbenchError(
        f"{folder} could not be written: {error.strerror or error}. Check that the folder exists "
        "and that you may write to it, or name another one with --data-root. Then run the same "
        "command again: what is decoded so far is kept."
    )
