"""Sections that run one model at a time: parity, repeatability and speed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from benchmark import determinism
from benchmark.speed.gpu.child import Row, Setup
from benchmark.speed.models import timed_rows
from benchmark.speed.task import BenchTask, Dtype
from benchmark.speed.worker import (
    N_TAGS,
    Subject,
    calibrate_norms,
    own_model,
    plain_model,
    resolve,
    synthetic_audio,
)
from lightning_modules.base import TaggingModule
from lightning_modules.training import optimizers
from lightning_modules.training.recipes import get_recipe

BAR = 1e-4  # largest difference between the probabilities of a CPU and a GPU that passes
DTYPES: tuple[Dtype, ...] = ("fp32", "tf32", "bf16")
_STEPS = 5


def parity(item: str, setup: Setup) -> Iterator[Row]:
    """Yield the differences between the probabilities of the CPU and those of the device.

    The weights are those of `plain_model`, or fresh ones with the batch norms calibrated. The CPU
    computes in float32; the device in float32, with TF32, and under bfloat16 autocast.

    Args:
        item: Name of a model file.
        setup: Settings of the measurement.
    """
    model = resolve(item)
    determinism.configure(setup.device)
    plain = plain_model(model)
    module = own_model(model, plain)
    window = model.architecture.window
    if plain is None:
        calibrate_norms(module, window)
    module.eval()
    audio = synthetic_audio(2 if setup.small else 8, window)
    expected = _probabilities(module, audio, "fp32")
    module, audio = module.to(setup.device), audio.to(setup.device)
    differences = {}
    for dtype in DTYPES:
        determinism.configure(setup.device, tf32=dtype == "tf32")
        differences[dtype] = float((_probabilities(module, audio, dtype) - expected).abs().max())
    determinism.configure(setup.device)
    yield {
        "model": item,
        "fp32": differences["fp32"],
        "within bar": differences["fp32"] <= BAR,
        "tf32": differences["tf32"],
        "bf16": differences["bf16"],
        # Parity of outputs that do not depend on the input would be no evidence.
        "range over windows": float((expected.amax(0) - expected.amin(0)).max()),
        "windows": len(audio),
    }


def _probabilities(module: TaggingModule, audio: Tensor, dtype: Dtype) -> Tensor:
    enabled = dtype == "bf16"
    with torch.inference_mode(), torch.autocast(audio.device.type, torch.bfloat16, enabled=enabled):
        out = module.probabilities(module(audio))
    return out.cpu()


def repeatability(item: str, setup: Setup) -> Iterator[Row]:
    """Yield whether two short trainings from the same seed give the same bits.

    Args:
        item: Name of a model file.
        setup: Settings of the measurement.
    """
    model = resolve(item)
    if not model.learns:
        return
    determinism.configure(setup.device)
    audio = synthetic_audio(2 if setup.small else 8, model.architecture.window).to(setup.device)
    targets = (audio[:, :N_TAGS] > 0).float()
    for dtype in ("fp32", "bf16"):
        with _collected() as warned:
            states = []
            for _ in range(2):
                module = model.build(N_TAGS)
                states.append(_trained(module.to(setup.device), audio, targets, dtype == "bf16"))
        first, second = states
        unequal = [key for key in first if not torch.equal(first[key], second[key])]
        apart = [float((first[key].double() - second[key].double()).abs().max()) for key in unequal]
        yield {
            "model": item,
            "dtype": dtype,
            "steps": _STEPS,
            "equal bits": not unequal,
            "unequal tensors": f"{len(unequal)} of {len(first)}",
            "largest difference": max(apart, default=0.0),
            "warnings": "; ".join(sorted(warned)),
        }


def _trained(
    module: TaggingModule, audio: Tensor, targets: Tensor, autocast: bool
) -> dict[str, Tensor]:
    """Train for a few steps as `TaggingModule` does, and return the state on the CPU."""
    learned = module.train().learned_parameters()
    optimizer = optimizers.make_optimizer(learned, get_recipe("won2020"))
    hooks: Any = module  # Any, because the hook is called without a batch, which it does not read
    for step in range(_STEPS):
        hooks.on_train_batch_start(None, step)  # seeds dropout
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(audio.device.type, torch.bfloat16, enabled=autocast):
            logits = module(audio)
        module.losses(logits, targets).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return {key: value.cpu().clone() for key, value in module.state_dict().items()}


@contextmanager
def _collected() -> Iterator[set[str]]:
    """Collect the first sentence of each warning of PyTorch."""
    messages: set[str] = set()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
    messages.update(str(warning.message).split(". ")[0][:120] for warning in caught)


class Local:
    """A `Subject` of this process behind the interface of `benchmark.speed.models.Worker`."""

    def __init__(self, task: BenchTask) -> None:
        self.subject = Subject(task)
        state = self.subject.module.state_dict()
        self._state = {key: value.clone() for key, value in state.items()}

    def use(self, dtype: Dtype) -> None:
        """Set the arithmetic, and restore the initial weights."""
        self.subject.module.load_state_dict(self._state)
        self.subject.use(dtype)

    @property
    def task(self) -> BenchTask:
        """The model that is run."""
        return self.subject.task

    def ask(self, method: str, *arguments: object) -> Any:
        """Call a method of the subject."""
        return getattr(self.subject, method)(*arguments)


def speed(item: str, setup: Setup) -> Iterator[Row]:
    """Yield what ``benchmark.speed models`` measures, in float32, with TF32 and in bfloat16.

    Both forms run in this process, in turn and under the same settings.

    Args:
        item: Name of a model file.
        setup: Settings of the measurement.
    """
    model = resolve(item)
    if not model.learns:
        return
    batch = 2 if setup.small else 64
    device = setup.device.partition(":")[0]
    forms = [Local(BenchTask(item, "ours", batch, device))]
    if forms[0].subject.facts.has_plain:
        forms.append(Local(BenchTask(item, "plain", batch, device)))
    for dtype in DTYPES:
        if setup.small and dtype == "tf32":
            continue  # a CPU has none
        for form in forms:
            form.use(dtype)
        for row in timed_rows(forms, 1 if setup.small else 3, 0.01 if setup.small else 0.2):
            yield {
                "model": item,
                "mode": row.mode,
                "batch": row.batch,
                "dtype": row.dtype,
                "windows/s": row.ours_windows_per_s,
                "plain windows/s": row.plain_windows_per_s,
                "speed-up": row.speedup,
                "peak MiB": row.ours_peak_mib,
                "plain peak MiB": row.plain_peak_mib,
                "difference from plain": row.max_difference,
            }
