"""Learning rate schedules."""

from __future__ import annotations

import pytest

from lightning_modules.training import schedules
from lightning_modules.training.recipe import Recipe
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
