"""One process that runs one model, ours or its plain form, and times it on request.

Each form has a process to itself, as it would have in use: ours tells the allocator to keep freed
memory, which would otherwise speed up the plain form too.
"""

from __future__ import annotations

import math
import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark import determinism
from benchmark.checkpoints.won2020 import load_reference_state
from benchmark.config.files import find, load
from benchmark.config.models import ResolvedModel
from benchmark.config.schema import ModelFile
from benchmark.malloc import keep_freed_memory
from benchmark.speed.baselines.build import build_plain
from benchmark.speed.task import Dtype, Facts, Mode, Task
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import seed_for
from lightning_modules.base import TaggingModule
from lightning_modules.training import optimizers
from lightning_modules.training.recipe import get_recipe

N_TAGS = 50
_CALIBRATION_WINDOWS = 4


def resolve(name: str) -> ResolvedModel:
    """Return the architecture that a model file describes."""
    return ResolvedModel.of(Path(name).stem, load(find("models", name), ModelFile))


def yardstick(model: ResolvedModel) -> nn.Module | None:
    """Make the plain form with weights that exercise every layer; None where there is none.

    Batch norms get the statistics of some audio, so that no layer saturates, and scales of both
    signs, as training gives them.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for("speed", "weights"))
        plain = build_plain(model.cls, N_TAGS, model.architecture.params)
        if plain is not None:
            _set_norms(plain, model.architecture.window)
    return plain


def exercise(module: nn.Module, window: int) -> None:
    """Give a model on the CPU batch norms as those of `yardstick`.

    Args:
        module: The model; it is left in training mode.
        window: Its window in samples.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for("speed", "weights"))
        _set_norms(module, window)


def _set_norms(module: nn.Module, window: int) -> None:
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._NormBase)]
    for norm in norms:
        sign = torch.where(torch.rand(norm.num_features) < 0.2, -1.0, 1.0)
        norm.weight.data = sign * (0.5 + torch.rand(norm.num_features))
        norm.bias.data = 0.1 * torch.randn(norm.num_features)
        norm.momentum = 1.0
    with torch.no_grad():
        module.train()(sounds(_CALIBRATION_WINDOWS, window))
    for norm in norms:
        norm.momentum = 0.1


def sounds(windows: int, samples: int) -> Tensor:
    """Return the same audio (windows, samples) each time: decaying tones in noise, soft to loud."""
    made = torch.Generator().manual_seed(seed_for("speed", "audio"))
    at = torch.arange(windows)[:, None]
    seconds = torch.arange(samples) / 16000
    tones = torch.sin(2 * math.pi * 110 * 2 ** (at % 5) * seconds) * (-4 * (seconds % 0.5)).exp()
    noise = torch.randn(windows, samples, generator=made)
    return (0.3 * tones + 0.02 * noise) * 0.5 ** (at % 4)


def ours_like(model: ResolvedModel, plain: nn.Module | None) -> TaggingModule:
    """Make our form, with the weights of the plain one where there is one."""
    ours = model.cls.build(seed=0, n_tags=N_TAGS, **model.architecture.params)
    if plain is not None:
        problems, _ = load_reference_state(ours, plain.state_dict())
        if problems:
            raise TagbenchError(f"{model.name} has no place for: {'; '.join(problems)}")
    return ours


class Subject:
    """A model with a batch to run it on."""

    def __init__(self, task: Task) -> None:
        device = task.device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.task, self.device = task, torch.device(device)
        self.use(task.dtype)
        model = resolve(task.model)
        plain = yardstick(model)
        module: nn.Module | None = plain
        if task.form == "ours":
            keep_freed_memory()  # as every process that runs our models does
            module = ours_like(model, plain)
        if module is None:
            raise TagbenchError(f"{task.model} has no plain form.")
        self.facts = Facts(
            device=device,
            device_name=_device_name(self.device),
            torch=torch.__version__,
            learns=model.cls.learns,
            has_plain=plain is not None,
        )
        self.module = module.to(self.device)
        self.audio = sounds(task.batch, model.architecture.window).to(self.device)
        self.targets = (self.audio[:, :N_TAGS] > 0).float()
        self.optimizer = self._optimizer() if model.cls.learns else None
        self.baseline = _reset_peak(self.device)

    def use(self, dtype: Dtype) -> None:
        """Set the arithmetic of all that follows: of this model, and TF32 of the whole process."""
        self.task = replace(self.task, dtype=dtype)
        determinism.configure(self.device.type, threads=self.task.threads, tf32=dtype == "tf32")

    def _optimizer(self) -> torch.optim.Optimizer:
        recipe = get_recipe("won2020")
        if isinstance(self.module, TaggingModule):
            return optimizers.make_optimizer(self.module, recipe)
        return torch.optim.Adam(
            self.module.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay
        )

    def _autocast(self) -> torch.autocast:
        enabled = self.task.dtype == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def probabilities(self) -> npt.NDArray[np.float32]:
        """Return the outputs (B, C) in eval mode."""
        return self._forward().float().sigmoid().cpu().numpy()

    def _forward(self) -> Tensor:
        self.module.eval()
        with torch.inference_mode(), self._autocast():
            out: Tensor = self.module(self.audio)
        return out

    def _step(self) -> Tensor:
        self.module.train()
        if self.optimizer is None:
            raise TagbenchError(f"{self.task.model} has nothing to train.")
        self.optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            logits = self.module(self.audio)
        if isinstance(self.module, TaggingModule):
            loss = self.module.losses(logits, self.targets).mean()
        else:
            loss = F.binary_cross_entropy_with_logits(logits.float(), self.targets)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def _call(self, mode: Mode) -> Callable[[], Tensor]:
        return self._forward if mode == "forward" else self._step

    def seconds(self, mode: Mode, runs: int) -> float:
        """Return the mean time of a number of runs."""
        call = self._call(mode)
        _wait(self.device)
        start = time.perf_counter()
        for _ in range(runs):
            call()
        _wait(self.device)
        return (time.perf_counter() - start) / runs

    def peak_bytes(self, mode: Mode) -> int:
        """Run once; return the most memory held, without the model.

        On a CPU it is the most since the model was made; on a GPU, that of the run.
        """
        if self.device.type == "cuda":
            if self.optimizer is not None:  # a run of its own, with fresh moments and gradients
                self.optimizer.zero_grad(set_to_none=True)
                self.optimizer = self._optimizer()
            self.baseline = _reset_peak(self.device)
        self._call(mode)()
        _wait(self.device)
        return _peak(self.device) - self.baseline


def serve(connection: Connection, task: Task) -> None:
    """Answer requests, (method of ``Subject``, arguments), until the other end closes."""
    try:
        subject = Subject(task)
        connection.send(("ready", subject.facts))
        while True:
            method, arguments = connection.recv()
            connection.send(("answer", getattr(subject, method)(*arguments)))
    except EOFError:
        return
    except Exception:  # noqa: BLE001 - the parent reports it
        connection.send(("failed", traceback.format_exc()))


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _reset_peak(device: torch.device) -> int:
    """Forget the peak so far; return the memory held now, in bytes."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    refs = Path("/proc/self/clear_refs")
    if refs.exists():
        refs.write_text("5")  # resets VmHWM, see proc(5)
    return _status("VmRSS")


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return _status("VmHWM")


def _status(key: str) -> int:
    """Return a figure of this process in bytes; 0 where the system does not tell."""
    file = Path("/proc/self/status")
    for line in file.read_text().splitlines() if file.is_file() else []:
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0
