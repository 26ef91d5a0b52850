"""Learning rate schedules."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LinearLR

from lightning_modules.training import schedules
from lightning_modules.training.recipe import Recipe
from lightning_modules.training.recipes import get_recipe
from tests.support.paths import DATA
from tests.support.small_module import SmallModule


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 200])
def test_one_cycle_rises_to_the_peak_and_ends_near_zero(steps):
    recipe = Recipe(epochs=1, lr=0.1)
    made = schedules.configure(SmallModule.build(0, n_tags=2).learned_parameters(), recipe, steps)
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < steps:
            schedule.step()
    assert rates[-1] < 1e-4
    assert max(rates) <= 0.1
    if steps >= 10:
        assert max(rates) == pytest.approx(0.1)


def rates_of(optimizer, schedule, epochs: int, steps: int, per_step: bool) -> list[float]:
    """Return the learning rate of each step of a training of ``epochs`` x ``steps``."""
    rates = []
    for _ in range(epochs):
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if per_step:
                schedule.step()
        if not per_step:
            schedule.step()
    return rates


def sgd() -> torch.optim.SGD:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def ours(epochs: int, steps: int, **fields: Any) -> list[float]:
    recipe = Recipe(epochs=epochs, lr=0.1, optimizer="adam", **fields)
    parameters = list(SmallModule.build(0, n_tags=2).named_parameters())
    made = schedules.configure(parameters, recipe, epochs * steps)
    assert made["lr_scheduler"]["interval"] == "step"
    return rates_of(made["optimizer"], made["lr_scheduler"]["scheduler"], epochs, steps, True)


def test_cosine_is_that_of_torch():
    optimizer = sgd()
    theirs = CosineAnnealingLR(optimizer, T_max=40, eta_min=0.01)
    expected = rates_of(optimizer, theirs, 10, 4, per_step=True)
    assert ours(10, 4, schedule="cosine", min_factor=0.1) == pytest.approx(expected, rel=1e-6)


def test_exponential_is_that_of_torch():
    optimizer = sgd()
    expected = rates_of(optimizer, ExponentialLR(optimizer, 0.8), 6, 5, per_step=False)
    assert ours(6, 5, schedule="exponential", gamma=0.8) == pytest.approx(expected, rel=1e-6)


def test_warm_up_is_that_of_torch():
    optimizer = sgd()
    # The first of 8 steps has an eighth of the rate.
    theirs = LinearLR(optimizer, start_factor=1 / 8, total_iters=7)
    expected = rates_of(optimizer, theirs, 5, 4, per_step=True)
    assert ours(5, 4, schedule="constant", warmup_epochs=2) == pytest.approx(expected, rel=1e-6)
    rates = ours(5, 4, schedule="cosine", warmup_epochs=2)
    assert rates[:8] == pytest.approx(expected[:8], rel=1e-6)
    optimizer = sgd()
    rest = rates_of(optimizer, CosineAnnealingLR(optimizer, T_max=12), 3, 4, per_step=True)
    assert rates[8:] == pytest.approx(rest, rel=1e-6, abs=1e-12)


def test_plateau_reads_the_monitor_of_the_recipe():
    recipe = Recipe(
        epochs=9, lr=0.1, schedule="plateau", monitor="valid_roc_auc", plateau_patience=1
    )
    parameters = list(SmallModule.build(0, n_tags=2).named_parameters())
    made = schedules.configure(parameters, recipe, 100)
    settings = made["lr_scheduler"]
    assert (settings["monitor"], settings["interval"]) == ("valid_roc_auc", "epoch")
    rates = []
    for score in (0.5, 0.6, 0.6, 0.55, 0.7):  # a higher score is better
        settings["scheduler"].step(score)
        rates.append(made["optimizer"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.01, 0.01])


def test_newbob_reduces_in_every_epoch_from_the_first_plateau_on():
    recipe = Recipe(
        epochs=9, lr=1.0, optimizer="sgd", schedule="newbob", plateau_factor=0.5, plateau_patience=0
    )
    made = schedules.configure(SmallModule.build(0, n_tags=2).learned_parameters(), recipe, 9)
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for loss in (3.0, 2.0, 2.0, 1.0, 0.5):
        schedule.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [1, 1, 0.5, 0.25, 0.125]


def test_the_schedule_of_the_published_mood_network():
    golden = json.loads((DATA / "mood_mlp.json").read_text(encoding="utf-8"))["learning_rates"]
    recipe = get_recipe("korzeniowski2020").model_copy(update={"epochs": 3})
    made = schedules.configure(SmallModule.build(0, n_tags=2).learned_parameters(), recipe, 15)
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(15):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx(golden, abs=1e-11)
