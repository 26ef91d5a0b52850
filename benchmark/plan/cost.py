"""Cost of a model, counted and not timed, so that it does not depend on the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.config.models import AnyModel

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus
    from lightning_modules.training.recipe import Recipe

# Rough speeds, for estimates only.
_CPU_MACS_PER_CORE = 2.5e10
_GPU_MACS = 5e12
_PERTURB_SECONDS_PER_SECOND = 3e-3
# Length of a track, for views that describe a track by one row.
_TRACK_SECONDS = 30.0


@dataclass(frozen=True)
class Cost:
    """Counted cost of a model.

    Attributes:
        n_params: Learned scalars.
        macs_per_window: Multiply-adds of one forward pass over one window.
        macs_per_second_of_audio: The same, per second of audio. The cost of computing a view is not
            counted; for a view that describes a whole track, the track has 30 s.
    """

    n_params: int
    macs_per_window: float
    macs_per_second_of_audio: float

    def recorded(self) -> dict[str, float]:
        """Return what tables show."""
        return {
            "n_params": self.n_params,
            "macs_per_second_of_audio": self.macs_per_second_of_audio,
        }


def cost_of(model: AnyModel, n_tags: int) -> Cost:
    """Build a model and count its parameters and multiply-adds.

    Args:
        model: The model.
        n_tags: Number of outputs.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    module = model.build(n_tags).eval()
    spec = model.input_spec
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        inputs = torch.zeros(1, *spec.shape)
        _ = module(inputs) if module.predicts else module.embed(inputs)
    macs = counter.get_total_flops() / 2
    return Cost(module.n_params, macs, macs / (spec.seconds or _TRACK_SECONDS))


def macs_per_second_of(device: str, threads: int) -> float:
    """Return the approximate number of multiply-adds per second of a device."""
    return _GPU_MACS if device.startswith("cuda") else _CPU_MACS_PER_CORE * threads


def training_seconds(cost: Cost, recipe: Recipe, corpus: Corpus, macs_per_second: float) -> float:
    """Return an upper estimate of the time of one training cell, in seconds."""
    per_epoch = 3 * len(corpus.rows("train")) + len(corpus.rows("valid")) * (
        recipe.valid_windows or 8
    )
    return recipe.epochs * per_epoch * cost.macs_per_window / macs_per_second


def evaluation_seconds(
    costs: Mapping[str, Cost], corpus: Corpus, windows: int | None, macs_per_second: float
) -> dict[str, float]:
    """Return the estimated seconds of one condition by model.

    The time of perturbing is divided evenly among the models.
    """
    test = corpus.split("test")
    audio_s = float(test["samples"].sum()) / corpus.sample_rate
    shared = audio_s * _PERTURB_SECONDS_PER_SECOND / max(len(costs), 1)
    result = {}
    for name, cost in costs.items():
        window_s = cost.macs_per_window / max(cost.macs_per_second_of_audio, 1.0)
        most = audio_s * cost.macs_per_second_of_audio
        capped = len(test) * windows * window_s * cost.macs_per_second_of_audio if windows else most
        result[name] = shared + min(most, capped) / macs_per_second
    return result
