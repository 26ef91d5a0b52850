"""Training recipes and their validation."""

from __future__ import annotations

import pytest

from datamodules.common.errors import TagbenchError
from lightning_modules.training import adam_then_sgd
from lightning_modules.training.recipe import RECIPES, Recipe, get_recipe


def test_recipe_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="learning_rate"):
        Recipe(epochs=1, lr=1e-3, learning_rate=1e-3)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="greater than 0"):
        Recipe(epochs=1, lr=0.0)
    with pytest.raises(TagbenchError, match="Did you mean 'quick'"):
        get_recipe("quik")


def test_won2020_recipe_is_that_of_the_paper():
    recipe = RECIPES["won2020"]
    assert (recipe.epochs, recipe.batch_size, recipe.optimizer) == (200, 16, "adam")
    assert (recipe.lr, recipe.weight_decay) == (1e-4, 1e-4)
    assert adam_then_sgd.phase_starts(recipe) == [80, 100, 120]
    assert [adam_then_sgd.phase_of(recipe, e) for e in (0, 79, 80, 99, 100, 119, 120, 199)] == [
        0, 0, 1, 1, 2, 2, 3, 3,
    ]  # fmt: skip
