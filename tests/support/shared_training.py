"""A small model for trainings of several processes: it records what it is trained on, and fails."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from benchmark.train.group import Member
from benchmark.train.peers import Ready
from benchmark.train.usage import Usage
from lightning_modules.base import TaggingModule
from lightning_modules.layers.fused_batchnorm import BatchNorm2d, conv_norm

FOLDER = "TAGBENCH_TEST_FOLDER"
"""Environment variable that names the folder of the records."""


class Recorded(TaggingModule):
    """A convolution and two dense layers with batch norm, without dropout.

    Each process appends a line per crop to ``rank<r>.txt`` in the folder that ``FOLDER`` names. A
    process of rank r raises in epoch e if the folder holds ``raise-<r>-<e>``, and is killed if it
    holds ``kill-<r>-<e>``; the file is removed before.
    """

    identity: ClassVar[str] = "Recorded"
    input_samples = 16000
    title: ClassVar[str] = "recorded"
    paper: ClassVar[str] = ""
    bibtex: ClassVar[str] = ""

    def __init__(self, **base: Any) -> None:
        super().__init__(**base)
        # Without biases: before a batch norm they have no effect, and rounding alone moves them.
        self.conv, self.conv_bn = nn.Conv2d(1, 4, 3, padding=1, bias=False), BatchNorm2d(4)
        self.dense, self.dense_bn = nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8)
        self.out = nn.Linear(8, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        frames = audio.unfold(1, 100, 100)[:, None]  # (B, 1, 160, 100)
        x = conv_norm(self.conv, self.conv_bn, frames).relu().mean((2, 3))
        return self.out(self.dense_bn(self.dense(x)).relu())

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        folder, epoch, rank = Path(os.environ[FOLDER]), self.current_epoch, self.global_rank
        crops = next(iter(batch.values()))
        tracks = [crops["track_ids"][track] for track in crops["track_index"]]
        with (folder / f"rank{rank}.txt").open("a", encoding="utf-8") as stream:
            for track, audio in zip(tracks, crops["audio"], strict=True):
                digest = hashlib.sha256(audio.numpy().tobytes()).hexdigest()[:12]
                print(epoch, batch_idx, track, digest, os.getpid(), file=stream)
        for order in ("raise", "kill"):
            path = folder / f"{order}-{rank}-{epoch}"
            if path.exists():
                path.unlink()
                if order == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                raise ValueError(f"refused by rank {rank}")


def dies_when_ready(member: Member, port: int, ready: Ready) -> Usage:
    """Work of a process that is killed when it should join the group."""
    ready()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class Forked:
    """Context of `multiprocessing` that forks processes from the server of jobs.

    A spawned process imports torch and Lightning anew. These have the same tasks and connections;
    only that they do not end with their parent by themselves.
    """

    Pipe = staticmethod(multiprocessing.Pipe)

    @staticmethod
    def Process(target: Callable[..., None], args: Any, name: str) -> ForkServerProcess:  # noqa: N802
        _, task, reports = args
        arguments = (task, reports, os.environ.get(FOLDER, ""))
        context = multiprocessing.get_context("forkserver")
        return context.Process(target=_run_task, args=arguments, name=name)


def _run_task(task: bytes, reports: Any, folder: str) -> None:
    os.environ[FOLDER] = folder  # the server was started with another environment
    pickle.loads(task)(reports)
