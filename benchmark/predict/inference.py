"""Models that listen: windows are cut once for all that need the same, and so are spectrograms.

Windows are grouped the same way whatever the other models, so that no score depends on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.loaders.windowing import Windowing, cut, window_starts
from lightning_modules.base import TaggingModule
from lightning_modules.frontends import FrontEnd

Audio = NDArray[np.float32]

WINDOWS_AT_ONCE = 16
SAMPLES_AT_ONCE = 2**22  # a few windows of 29 s: the first maps of FCN take 45 MB each
_PLAIN = (bool, int, float, str, tuple, type(None))


@dataclass
class Listener:
    """One model, and its predictions for the condition at hand.

    ``columns`` are the outputs that stand for ``tags``: those of the corpus in their order, or all
    that the model knows where the corpus has none.
    """

    train_id: str
    module: TaggingModule
    rate: int
    window: int
    device: torch.device
    columns: NDArray[np.int64]
    tags: tuple[str, ...]
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def most(self) -> int:
        """Windows of a batch: a matter of the model alone, so that no result depends on more."""
        return max(1, min(WINDOWS_AT_ONCE, SAMPLES_AT_ONCE // self.window))

    def start(self, n_tracks: int) -> None:
        """Forget the last condition."""
        self.sums = np.zeros((n_tracks, len(self.tags)))
        self.counts = np.zeros(n_tracks, np.int64)

    def listen(self, batch: Tensor, owners: NDArray[np.int64]) -> None:
        """Add the probabilities of windows (B, T) to those of their tracks (B,)."""
        with torch.inference_mode():
            logits = self.module(batch)
            found = self.module.probabilities(logits).double().cpu().numpy()[:, self.columns]
        np.add.at(self.sums, owners, found)
        np.add.at(self.counts, owners, 1)

    def scores(self) -> NDArray[np.float32]:
        """Return the mean probability of each track, shape (tracks, tags)."""
        return (self.sums / self.counts[:, None]).astype(np.float32)


class Audience:
    """Models that hear the same windows of one condition.

    Args:
        listeners: Models of one sample rate, window and device, one or more.
        windowing: How tracks are cut.
    """

    def __init__(self, listeners: Sequence[Listener], windowing: Windowing) -> None:
        self.listeners, self.windowing = listeners, windowing
        first = listeners[0]
        self.rate, self.window, self.most = first.rate, first.window, first.most
        self.device = first.device
        self._equal = equal_front_ends(listeners)
        self._windows: list[Audio] = []
        self._owners: list[int] = []

    def hear(self, track: int, audio: Audio) -> None:
        """Cut a track, and run the models whenever a batch is full."""
        starts = window_starts(len(audio), self.window, self.windowing)
        pieces = cut(audio, starts, self.window)
        self._windows.extend(pieces)
        self._owners.extend([track] * len(pieces))
        while len(self._windows) >= self.most:
            self._forward()

    def end(self) -> None:
        """Run the models on what is left."""
        while self._windows:
            self._forward()

    def _forward(self) -> None:
        batch = torch.from_numpy(np.stack(self._windows[: self.most])).to(self.device)
        owners = np.asarray(self._owners[: self.most])
        del self._windows[: self.most], self._owners[: self.most]
        with sharing(self._equal):
            for listener in self.listeners:
                listener.listen(batch, owners)


def audiences(listeners: Iterable[Listener], windowing: Windowing) -> list[Audience]:
    """Group models by what they hear, in the order of the first of each."""
    groups: dict[tuple[int, int, torch.device], list[Listener]] = {}
    for one in listeners:
        groups.setdefault((one.rate, one.window, one.device), []).append(one)
    return [Audience(group, windowing) for group in groups.values()]


class _Once:
    """A front end that several models have: one map a batch, a copy for each model.

    A copy, since a model may write over what it was given.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self._run = front_end.forward
        self._audio: Tensor | None = None
        self._map: Tensor | None = None

    def __call__(self, audio: Tensor) -> Tensor:
        if self._map is None or audio is not self._audio:
            self._audio, self._map = audio, self._run(audio)
        return self._map.clone()


@contextmanager
def sharing(groups: Iterable[Sequence[FrontEnd]]) -> Iterator[None]:
    """Let the front ends of a group compute their map once a batch, while the block runs.

    Args:
        groups: See `equal_front_ends`.
    """
    patched = []
    try:
        for group in groups:
            once = _Once(group[0])
            for part in group:
                part.forward = once  # type: ignore[method-assign]
                patched.append(part)
        yield
    finally:
        for part in patched:
            del part.__dict__["forward"]


def equal_front_ends(listeners: Iterable[Listener]) -> list[list[FrontEnd]]:
    """Return the front ends that two models or more have in common, and that learn nothing.

    Equal are those of one class with the same settings and the same constants, to the bit: the
    same audio then gives the same map, to the bit.
    """
    groups: dict[bytes, list[FrontEnd]] = {}
    for listener in listeners:
        for part in listener.module.children():
            if isinstance(part, FrontEnd) and not list(part.parameters()):
                groups.setdefault(_fingerprint(part), []).append(part)
    return [group for group in groups.values() if len(group) > 1]


def _fingerprint(front_end: FrontEnd) -> bytes:
    found = hashlib.sha256()
    for name, part in front_end.named_modules():
        plain = {k: v for k, v in vars(part).items() if isinstance(v, _PLAIN)}
        found.update(repr((name, type(part).__qualname__, sorted(plain.items()))).encode())
    for name, value in front_end.named_buffers():
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.digest()
