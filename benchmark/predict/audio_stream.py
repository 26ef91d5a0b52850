"""What the models hear: processes that decode, perturb and resample whole tracks, in order."""

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
import soxr
from numpy.typing import NDArray

from benchmark.perturbations import CLEAN, Condition, axis_of, perturb
from benchmark.perturbations.measure.effect import Effect, Features, features, measure
from benchmark.predict.audio_cache import AudioCache, Limits
from benchmark.processes import die_with_parent
from datamodules.corpus.corpus import Corpus

Audio = NDArray[np.float32]

AHEAD = 2  # tracks that each worker may be ahead of the models


@dataclass(frozen=True)
class Heard:
    """One perturbed track.

    Attributes:
        audio: By sample rate.
        effect: What the perturbation did; None of clean audio.
    """

    audio: Mapping[int, Audio]
    effect: Effect | None


@dataclass(frozen=True)
class Task:
    """One track under one condition.

    Attributes:
        row: Row of the track in the corpus.
        track_id: Its id, the key of its randomness.
        condition: Perturbation and level.
        seed: Of the perturbations.
        sampled: Whether the costly figures of its effect are measured too.
    """

    row: int
    track_id: str
    condition: Condition
    seed: int
    sampled: bool = False


Stream = Callable[[Iterable[Task]], Iterator[Heard]]


@dataclass(frozen=True)
class Setting:
    """What every process needs to know.

    Attributes:
        root: Folder of the corpus.
        rates: Sample rates in Hz that are needed; resampled after perturbing, once a rate.
        cache: Where perturbed audio is kept; None computes it each time.
        measured: Whether effects are measured.
    """

    root: Path
    rates: tuple[int, ...]
    cache: Limits | None = None
    measured: bool = True


class Ear:
    """Decodes, perturbs, measures and resamples whole tracks.

    Args:
        setting: What to know.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.corpus = Corpus.open(setting.root)
        self._perturb = perturb if setting.cache is None else AudioCache(setting.cache).perturb
        # Of the sampled tracks, which come again with each condition: some 70 kB a track.
        self._features: dict[int, Features] = {}

    def hear(self, task: Task) -> Heard:
        """Return one track at each rate that is needed, and what was done to it."""
        rate, clean = self.corpus.sample_rate, self.corpus.audio(task.row)
        heard = self._perturb(clean, rate, task.condition, seed=task.seed, track_id=task.track_id)
        audio = {
            wanted: heard
            if wanted == rate
            else soxr.resample(heard, rate, wanted).astype(np.float32)
            for wanted in self.setting.rates
        }
        return Heard(audio, self._measure(task, clean, heard))

    def _measure(self, task: Task, clean: Audio, heard: Audio) -> Effect | None:
        if task.condition == CLEAN or not self.setting.measured:
            return None
        rate = self.corpus.sample_rate
        own = axis_of(task.condition.perturbation, task.condition.unit)
        further = (own.requested,) if own is not None and own.requested is not None else ()
        if not task.sampled:
            return measure(clean, heard, rate, costly=False, further=further)
        if task.row not in self._features:
            self._features[task.row] = features(clean, rate)
        reference = self._features[task.row]
        return measure(clean, heard, rate, reference=reference, further=further)


@contextmanager
def listeners(setting: Setting, workers: int, start: str = "fork") -> Iterator[Stream]:
    """Yield a function that maps tasks to audio, in order and a few tracks ahead of the caller.

    Task i goes to worker i modulo ``workers`` and its result is awaited from there, so that the
    order of results never depends on who is faster.

    Args:
        setting: What to know.
        workers: Processes; 0 does the work in this one.
        start: How they start. ``fork`` is the fastest, because the modules are imported already.
            It is replaced by ``forkserver`` where this process has initialised CUDA, which does
            not survive a fork.
    """
    if workers == 0:
        ear = Ear(setting)
        yield lambda tasks: (ear.hear(task) for task in tasks)
        return
    if start == "fork" and _cuda_is_initialised():
        start = "forkserver"
    context = multiprocessing.get_context(start)
    # A server's children are not ours: they die with the server, and it with us.
    parent = 0 if start == "forkserver" else os.getpid()
    pipes, processes = [], []
    for _ in range(workers):
        mine, theirs = context.Pipe()
        process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(theirs, setting, parent)
        )
        process.start()
        theirs.close()
        pipes.append(mine)
        processes.append(process)
    try:
        yield lambda tasks: _stream(pipes, tasks)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _cuda_is_initialised() -> bool:
    """Return whether this process has a CUDA context; torch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def _stream(pipes: list[Connection], tasks: Iterable[Task]) -> Iterator[Heard]:
    waiting: deque[Connection] = deque()
    try:
        for number, task in enumerate(tasks):
            pipe = pipes[number % len(pipes)]
            pipe.send(task)
            waiting.append(pipe)
            if len(waiting) > AHEAD * len(pipes):
                yield _receive(waiting.popleft())
        while waiting:
            yield _receive(waiting.popleft())
    finally:
        while waiting:  # a caller that gave up must not leave its tracks to the next condition
            with suppress(EOFError):
                waiting.popleft().recv()


def _receive(pipe: Connection) -> Heard:
    try:
        result: Heard | Exception = pipe.recv()
    except EOFError as error:
        raise RuntimeError(
            "A process that perturbs audio was killed, often for a lack of memory. Run again; "
            "--workers 1 needs less memory."
        ) from error
    if isinstance(result, Exception):
        raise result
    return result


def _serve(pipe: Connection, setting: Setting, parent: int) -> None:
    die_with_parent(parent or os.getppid())
    ear = Ear(setting)
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(ear.hear(task))
        except Exception as error:  # noqa: BLE001 - it is raised again where the cells are
            pipe.send(error)
