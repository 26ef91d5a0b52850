"""A process that runs one model, ours or its plain form, and times it on request.

Each form runs in a process of its own, because our form changes the memory allocator of its
process, which would speed up the plain form too.
"""

from __future__ import annotations

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
from benchmark.checkpoints.importer import load_reference_state
from benchmark.config.models import ResolvedModel
from benchmark.malloc import keep_freed_memory
from benchmark.speed.baselines.build import build_plain
from benchmark.speed.synthetic import N_TAGS, synthetic_batch, synthetic_inputs
from benchmark.speed.task import BenchTask, Dtype, Facts, Mode
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import seed_for
from lightning_modules.base import TaggingModule
from lightning_modules.inputs import InputSpec
from lightning_modules.training import optimizers
from lightning_modules.training.recipes import get_recipe

_CALIBRATION_WINDOWS = 4


def resolve(name: str) -> ResolvedModel:
    """Return the model that a model file describes."""
    return ResolvedModel.named(name)


def plain_model(model: ResolvedModel) -> nn.Module | None:
    """Build the plain form of a model, with calibrated batch norms.

    Batch norms get the statistics of test signals, so that no layer saturates, and scales of both
    signs, as in a trained model.

    Args:
        model: The model.

    Returns:
        The plain form in training mode, or None if the model has none.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for("speed", "weights"))
        plain = build_plain(model.cls, N_TAGS, model.architecture.params)
        if plain is not None:
            _set_norms(plain, model.input_spec)
    return plain


def calibrate_norms(module: nn.Module, spec: InputSpec) -> None:
    """Calibrate the batch norms of a module on the CPU as `plain_model` does.

    Args:
        module: The module; it is left in training mode.
        spec: What it sees of a track.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for("speed", "weights"))
        _set_norms(module, spec)


def _set_norms(module: nn.Module, spec: InputSpec) -> None:
    norms = [
        layer for layer in module.modules() if isinstance(layer, nn.modules.batchnorm._NormBase)
    ]
    for norm in norms:
        if norm.affine:
            sign = torch.where(torch.rand(norm.num_features) < 0.2, -1.0, 1.0)
            norm.weight.data = sign * (0.5 + torch.rand(norm.num_features))
            norm.bias.data = 0.1 * torch.randn(norm.num_features)
        norm.momentum = 1.0
    with torch.no_grad():
        module.train()(synthetic_inputs(_CALIBRATION_WINDOWS, spec))
    for norm in norms:
        norm.momentum = 0.1


def own_model(model: ResolvedModel, plain: nn.Module | None) -> TaggingModule:
    """Build our form of a model, with the weights of the plain one if there is one."""
    ours = model.build(N_TAGS)
    if plain is not None:
        problems, _ = load_reference_state(ours, plain.state_dict())
        if problems:
            raise TagbenchError(
                f"Plain weights of {model.name} do not fit our form: {'; '.join(problems)}"
            )
    return ours


class Subject:
    """A model on its device, with a batch of audio and targets.

    Args:
        task: The model to build and how to run it.
    """

    def __init__(self, task: BenchTask) -> None:
        device = task.device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.task, self.device = task, torch.device(device)
        self.use(task.dtype)
        model = resolve(task.model)
        plain = plain_model(model)
        module: nn.Module | None = plain
        if task.form == "ours":
            keep_freed_memory()  # as in each process that runs our models
            module = own_model(model, plain)
        if module is None:
            raise TagbenchError(f"Model {task.model} has no plain form.")
        self.facts = Facts(
            device=device,
            device_name=_device_name(self.device),
            torch=torch.__version__,
            learns=model.learns,
            has_plain=plain is not None,
        )
        self.module = module.to(self.device)
        self.inputs = synthetic_inputs(task.batch, model.input_spec).to(self.device)
        self.batch = synthetic_batch(self.inputs, model.input_spec)
        self.optimizer = self._optimizer() if model.learns else None
        self.baseline = _reset_peak(self.device)

    def use(self, dtype: Dtype) -> None:
        """Set the arithmetic of the following runs. TF32 applies to the whole process."""
        self.task = replace(self.task, dtype=dtype)
        determinism.configure(self.device.type, threads=self.task.threads, tf32=dtype == "tf32")

    def _optimizer(self) -> torch.optim.Optimizer:
        recipe = get_recipe("won2020")
        if isinstance(self.module, TaggingModule):
            return optimizers.make_optimizer(self.module.learned_parameters(), recipe)
        return torch.optim.Adam(
            self.module.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay
        )

    def _autocast(self) -> torch.autocast:
        enabled = self.task.dtype == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def probabilities(self) -> npt.NDArray[np.float32]:
        """Return the predicted probabilities (batch, tags) in eval mode."""
        return self._forward().float().sigmoid().cpu().numpy()

    def _forward(self) -> Tensor:
        self.module.eval()
        with torch.inference_mode(), self._autocast():
            out: Tensor = self.module(self.inputs)
        return out

    def _step(self) -> Tensor:
        self.module.train()
        if self.optimizer is None:
            raise TagbenchError(f"Model {self.task.model} has no parameters to train.")
        self.optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            if isinstance(self.module, TaggingModule):
                loss = self.module.supervised_loss(self.batch)
            else:
                logits = self.module(self.inputs)
                loss = F.binary_cross_entropy_with_logits(logits.float(), self.batch["targets"])
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def _call(self, mode: Mode) -> Callable[[], Tensor]:
        return self._forward if mode == "forward" else self._step

    def seconds(self, mode: Mode, runs: int) -> float:
        """Return the mean time of ``runs`` calls in seconds."""
        call = self._call(mode)
        _wait(self.device)
        start = time.perf_counter()
        for _ in range(runs):
            call()
        _wait(self.device)
        return (time.perf_counter() - start) / runs

    def peak_bytes(self, mode: Mode) -> int:
        """Run once, and return the peak memory minus that of the idle model, in bytes.

        On a CPU the peak is that since the model was built; on a GPU, that of the run.
        """
        if self.device.type == "cuda":
            if self.optimizer is not None:  # the moments and gradients count as part of the run
                self.optimizer.zero_grad(set_to_none=True)
                self.optimizer = self._optimizer()
            self.baseline = _reset_peak(self.device)
        self._call(mode)()
        _wait(self.device)
        return _peak(self.device) - self.baseline


def serve(connection: Connection, task: BenchTask) -> None:
    """Answer requests (method of `Subject`, arguments) until the connection is closed."""
    try:
        subject = Subject(task)
        connection.send(("ready", subject.facts))
        while True:
            method, arguments = connection.recv()
            connection.send(("answer", getattr(subject, method)(*arguments)))
    except EOFError:
        return
    except Exception:  # noqa: BLE001 - the parent process reports it
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
    """Reset the peak memory, and return the memory in use, in bytes."""
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
    """Return a memory value of this process in bytes; 0 if the system does not state it."""
    file = Path("/proc/self/status")
    for line in file.read_text().splitlines() if file.is_file() else []:
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0
