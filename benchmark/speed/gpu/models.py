"""Sections that run one model at a time: parity, repeatability and speed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from benchmark import determinism
from benchmark.config.models import ResolvedModel
from benchmark.speed.gpu.child import Row, Setup
from benchmark.speed.models import timed_rows
from benchmark.speed.synthetic import N_TAGS, synthetic_batch, synthetic_inputs
from benchmark.speed.task import BenchTask, Dtype
from benchmark.speed.worker import Subject, calibrate_norms, own_model, plain_model, resolve
from datamodules.loaders.batch import Batch
from lightning_modules.architectures.feature_classifier import FeatureClassifier
from lightning_modules.base import TaggingModule
from lightning_modules.inputs import InputSpec
from lightning_modules.training import optimizers
from lightning_modules.training.recipes import get_recipe

BAR = 1e-4  # largest difference between the probabilities of a CPU and a GPU that passes
DTYPES: tuple[Dtype, ...] = ("fp32", "tf32", "bf16")
_STEPS = 5
_FITTED_TAGS = 8
_FITTED_TRACKS = 1280  # discriminant analysis needs more of each class than there are features


def parity(item: str, setup: Setup) -> Iterator[Row]:
    """Yield the differences between the probabilities of the CPU and those of the device.

    The weights are those of `plain_model`, or fresh ones with the batch norms calibrated; a
    classifier of features is fitted to synthetic ones. The CPU computes in float32; the device in
    float32, with TF32, and under bfloat16 autocast.

    Args:
        item: Name of a model file.
        setup: Settings of the measurement.
    """
    model = resolve(item)
    determinism.configure(setup.device)
    spec = model.input_spec
    module = _with_weights(model, spec).eval()
    inputs = synthetic_inputs(2 if setup.small else 8, spec)
    expected = _probabilities(module, inputs, "fp32")
    module, inputs = module.to(setup.device), inputs.to(setup.device)
    differences = {}
    for dtype in DTYPES:
        determinism.configure(setup.device, tf32=dtype == "tf32")
        differences[dtype] = float((_probabilities(module, inputs, dtype) - expected).abs().max())
    determinism.configure(setup.device)
    yield {
        "model": item,
        "fp32": differences["fp32"],
        "within bar": differences["fp32"] <= BAR,
        "tf32": differences["tf32"],
        "bf16": differences["bf16"],
        # Parity of outputs that do not depend on the input would be no evidence.
        "range over windows": float((expected.amax(0) - expected.amin(0)).max()),
        "windows": len(inputs),
    }


def _with_weights(model: ResolvedModel, spec: InputSpec) -> TaggingModule:
    """Build a model whose outputs depend on its inputs."""
    if issubclass(model.cls, FeatureClassifier):
        fitted = model.build(_FITTED_TAGS)
        batch = synthetic_batch(synthetic_inputs(_FITTED_TRACKS, spec), spec)
        targets = batch["targets"][:, :_FITTED_TAGS]
        fitted.fit_features(batch["features"][:, 0].numpy(), targets.numpy())
        return fitted
    plain = plain_model(model)
    module = own_model(model, plain)
    if plain is None:
        calibrate_norms(module, spec)
    return module


def _probabilities(module: TaggingModule, inputs: Tensor, dtype: Dtype) -> Tensor:
    autocast = torch.autocast(inputs.device.type, torch.bfloat16, enabled=dtype == "bf16")
    with torch.inference_mode(), autocast:
        out = module.probabilities(module(inputs))
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
    spec = model.input_spec
    inputs = synthetic_inputs(2 if setup.small else 8, spec).to(setup.device)
    batch = synthetic_batch(inputs, spec)
    for dtype in ("fp32", "bf16"):
        with _collected() as warned:
            states = []
            for _ in range(2):
                module = model.build(N_TAGS)
                states.append(_trained(module.to(setup.device), batch, dtype == "bf16"))
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


def _trained(module: TaggingModule, batch: Batch, autocast: bool) -> dict[str, Tensor]:
    """Train for a few steps as `TaggingModule` does, and return the state on the CPU."""
    learned = module.train().learned_parameters()
    optimizer = optimizers.make_optimizer(learned, get_recipe("won2020"))
    hooks: Any = module  # Any, because the hook is called without a batch, which it does not read
    for step in range(_STEPS):
        hooks.on_train_batch_start(None, step)  # seeds dropout
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(batch["targets"].device.type, torch.bfloat16, enabled=autocast):
            loss = module.supervised_loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
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
