"""Parameter groups of the optimizers."""

from __future__ import annotations

import pytest

from datamodules.common.errors import TagbenchError
from lightning_modules.training import optimizers
from lightning_modules.training.recipe import Recipe
from lightning_modules.training.recipes import RECIPES
from tests.support.small_module import SmallModule


def test_decay_of_adamw_spares_biases_and_norms():
    model = SmallModule.build(0, n_tags=2)
    decayed, spared = optimizers.make_optimizer(
        model.learned_parameters(), RECIPES["quick"]
    ).param_groups
    assert [len(decayed["params"]), len(spared["params"])] == [2, 2]
    assert (decayed["weight_decay"], spared["weight_decay"]) == (1e-2, 0.0)


def test_learning_rates_follow_the_longest_prefix():
    model = list(SmallModule.build(0, n_tags=2).named_parameters())
    recipe = Recipe(epochs=1, lr=0.1, optimizer="adam", lr_groups={"dense": 0.2, "dense1.b": 0.3})
    groups = optimizers.make_optimizer(model, recipe).param_groups
    assert [(group["lr"], len(group["params"])) for group in groups] == [(0.2, 3), (0.3, 1)]
    with pytest.raises(TagbenchError, match=r"no parameter begins with 'head'.*dense1, dense2"):
        optimizers.make_optimizer(model, recipe.model_copy(update={"lr_groups": {"head": 1.0}}))
