"""Targets of a corpus: fitted once, and kept beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import exclusive_lock, open_atomic
from datamodules.common.progress import Progress, Silent
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.track import Float32
from datamodules.labels.targets.base import TargetSource, TrainingTracks, without_target
from datamodules.views.build import build_view

_SUM_TOLERANCE = 1e-3


def fitted_targets(
    corpus: Corpus,
    source: TargetSource,
    *,
    workers: int = 0,
    progress: Progress | None = None,
) -> Float32:
    """Return the targets of the training tracks, which are fitted if they are not stored.

    Args:
        corpus: A prepared corpus.
        source: What the targets are.
        workers: Number of processes that compute the view of the source; 0 for this process.
        progress: Receives the progress.

    Returns:
        float32 of shape ``(N, K)``, in the order of the training split; rows of NaN for tracks
        without a target.

    Raises:
        TagbenchError: The source cannot be fitted to the corpus, or its targets are not what it
            declares.
    """
    path = target_path(corpus, source)
    stored = _read(path, corpus, source)
    if stored is not None:
        return stored
    path.parent.mkdir(exist_ok=True)
    listener = progress or Silent()
    waiting = f"Another process fits the targets {source.name!r} of {corpus.name!r}; waiting."
    with exclusive_lock(path.parent / ".lock", lambda: listener.announce(waiting)):
        stored = _read(path, corpus, source)
        if stored is not None:
            return stored
        if source.view is not None:
            rows = corpus.rows("train")
            build_view(corpus, source.view, rows, workers=workers, progress=listener)
        listener.announce(f"{corpus.name}: fits the targets {source.name!r}, stored as {path}.")
        targets = source.fit(TrainingTracks(corpus, source))
        _check(targets, corpus, source)
        with open_atomic(path) as file:
            np.save(file, targets.astype(np.float32, copy=False))
    return targets


def target_path(corpus: Corpus, source: TargetSource) -> Path:
    """Return the file of the targets of a corpus, inside its folder."""
    return corpus.root / "targets" / f"{source.name}-{source.digest_in(corpus)}.npy"


def _read(path: Path, corpus: Corpus, source: TargetSource) -> Float32 | None:
    try:
        targets: Float32 = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    fits = targets.shape == (len(corpus.rows("train")), source.width)
    return targets if fits and targets.dtype == np.float32 else None


def _check(targets: Float32, corpus: Corpus, source: TargetSource) -> None:
    where = f"The targets {source.name!r} of {corpus.name!r}"
    expected = (len(corpus.rows("train")), source.width)
    if targets.shape != expected:
        raise TagbenchError(f"{where} have shape {targets.shape}, expected {expected}.")
    known = targets[~without_target(targets)]
    if not len(known):
        raise TagbenchError(
            f"{where}: no training track has one. A source of artists needs a dataset whose "
            "manifest states the artist of its tracks."
        )
    if not np.isfinite(known).all():
        raise TagbenchError(f"{where} are not finite.")
    if source.kind == "distribution":
        off = float(np.abs(known.sum(axis=1) - 1).max())
        if known.min() < 0 or off > _SUM_TOLERANCE:
            raise TagbenchError(
                f"{where} are no probabilities: expected values from 0 on with a sum of 1, found "
                f"a minimum of {known.min():g} and a sum that is off by {off:g}."
            )
