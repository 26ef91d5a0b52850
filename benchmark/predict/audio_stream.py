"""Worker processes that decode and perturb tracks, and return their views in order."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.interruption import end_on_signals
from benchmark.perturbations import CLEAN, Condition, axis_of, perturb
from benchmark.perturbations.measure.effect import Effect, Features, features, measure
from benchmark.predict.audio_cache import AudioCache, CacheConfig
from benchmark.processes import die_with_parent
from datamodules.corpus.corpus import Corpus
from datamodules.views.base import View
from datamodules.views.resample import at_rate

Audio = NDArray[np.float32]

AHEAD = 2  # tracks that each worker computes ahead of the models


@dataclass(frozen=True)
class PerturbedTrack:
    """A perturbed track.

    Attributes:
        inputs: What models see, by view: samples (T,) or rows (rows, width), or the error of a view
            that cannot be computed.
        effect: Measured effect of the perturbation; None for clean audio.
    """

    inputs: Mapping[View, Audio | Exception]
    effect: Effect | None


@dataclass(frozen=True)
class TrackRequest:
    """A track to perturb.

    Attributes:
        row: Row of the track in the corpus.
        track_id: Id of the track, which seeds its perturbation.
        condition: Perturbation and level.
        seed: Seed of the perturbations.
        sampled: Whether the effects that are slow to measure are measured too.
    """

    row: int
    track_id: str
    condition: Condition
    seed: int
    sampled: bool = False


Stream = Callable[[Iterable[TrackRequest]], Iterator[PerturbedTrack]]


@dataclass(frozen=True)
class StreamConfig:
    """Settings of the worker processes.

    Attributes:
        root: Folder of the corpus.
        views: Views of the models. Tracks are resampled after perturbing, once for each rate, and
            each view is computed once.
        cache: Cache of perturbed audio; None computes it each time.
        measured: Whether effects are measured.
    """

    root: Path
    views: tuple[View, ...]
    cache: CacheConfig | None = None
    measured: bool = True


class TrackPerturber:
    """Decodes, perturbs and measures whole tracks, and computes views of them.

    Args:
        config: Corpus, views and cache.
    """

    def __init__(self, config: StreamConfig) -> None:
        self.config = config
        self.corpus = Corpus.open(config.root)
        self._perturb = perturb if config.cache is None else AudioCache(config.cache).perturb
        # Of the sampled tracks, which are measured in every condition: 70 kB for each track.
        self._features: dict[int, Features] = {}

    def process(self, request: TrackRequest) -> PerturbedTrack:
        """Return one perturbed track as each model sees it."""
        rate, clean = self.corpus.sample_rate, self.corpus.audio(request.row)
        perturbed = self._perturb(
            clean, rate, request.condition, seed=request.seed, track_id=request.track_id
        )
        views = self.config.views
        rates = dict.fromkeys(view.sample_rate for view in views if view.reads_audio)
        audio = {wanted: at_rate(perturbed, rate, wanted) for wanted in rates}
        inputs = {
            view: _computed(view, request.track_id, audio.get(view.sample_rate, perturbed))
            for view in views
        }
        return PerturbedTrack(inputs, self._measure(request, clean, perturbed))

    def _measure(self, request: TrackRequest, clean: Audio, perturbed: Audio) -> Effect | None:
        if request.condition == CLEAN or not self.config.measured:
            return None
        rate = self.corpus.sample_rate
        own = axis_of(request.condition.perturbation, request.condition.unit)
        further = (own.requested,) if own is not None and own.requested is not None else ()
        if not request.sampled:
            return measure(clean, perturbed, rate, costly=False, further=further)
        if request.row not in self._features:
            self._features[request.row] = features(clean, rate)
        reference = self._features[request.row]
        return measure(clean, perturbed, rate, reference=reference, further=further)


def _computed(view: View, track_id: str, audio: Audio) -> Audio | Exception:
    try:
        return view.of_track(track_id, audio)
    except Exception as error:  # noqa: BLE001 - the models of other views are not affected
        return error


@contextmanager
def open_audio_stream(config: StreamConfig, workers: int, start: str = "fork") -> Iterator[Stream]:
    """Start workers, and yield a function that maps requests to perturbed tracks in order.

    Request i is sent to worker i modulo ``workers`` and its result is received from that worker, so
    that the order of results does not depend on the speed of the workers. Workers compute a few
    tracks ahead of the caller.

    Args:
        config: Corpus, sample rates and cache.
        workers: Number of processes; 0 works in this process.
        start: Start method. ``fork`` is the fastest, because the modules are imported already.
            It is replaced by ``forkserver`` where this process has initialised CUDA, which does
            not survive a fork.
    """
    if workers == 0:
        perturber = TrackPerturber(config)
        yield lambda requests: (perturber.process(request) for request in requests)
        return
    if start == "fork" and _cuda_is_initialised():
        start = "forkserver"
    context = multiprocessing.get_context(start)
    # Workers of a fork server are its children; they end with the server, and the server ends with
    # this process.
    parent = 0 if start == "forkserver" else os.getpid()
    pipes, processes = [], []
    for _ in range(workers):
        own_end, worker_end = context.Pipe()
        process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(worker_end, config, parent)
        )
        process.start()
        worker_end.close()
        pipes.append(own_end)
        processes.append(process)
    try:
        yield lambda requests: _stream(pipes, requests)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _cuda_is_initialised() -> bool:
    """Return whether this process has a CUDA context; torch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def _stream(pipes: list[Connection], requests: Iterable[TrackRequest]) -> Iterator[PerturbedTrack]:
    pending: deque[Connection] = deque()
    try:
        for number, request in enumerate(requests):
            pipe = pipes[number % len(pipes)]
            pipe.send(request)
            pending.append(pipe)
            if len(pending) > AHEAD * len(pipes):
                yield _receive(pending.popleft())
        while pending:
            yield _receive(pending.popleft())
    finally:
        while (
            pending
        ):  # if the caller stopped early: its tracks are not those of the next condition
            with suppress(EOFError):
                pending.popleft().recv()


def _receive(pipe: Connection) -> PerturbedTrack:
    try:
        result: PerturbedTrack | Exception = pipe.recv()
    except EOFError as error:
        raise RuntimeError(
            "A process that perturbs audio ended unexpectedly, often for lack of memory. Run "
            "again, with --workers 1 to use less memory."
        ) from error
    if isinstance(result, Exception):
        raise result
    return result


def _serve(pipe: Connection, config: StreamConfig, parent: int) -> None:
    end_on_signals()
    die_with_parent(parent or os.getppid())
    perturber = TrackPerturber(config)
    while True:
        try:
            request: TrackRequest = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(perturber.process(request))
        except Exception as error:  # noqa: BLE001 - raised again in the parent process
            pipe.send(error)
