"""Parameter groups of the optimizers."""

from __future__ import annotations

from lightning_modules.training import optimizers
from lightning_modules.training.recipe import RECIPES
from tests.support.small_module import SmallModule


def test_decay_of_adamw_spares_biases_and_norms():
    model = SmallModule.build(0, n_tags=2)
    decayed, spared = optimizers.make_optimizer(
        model.learned_parameters(), RECIPES["quick"]
    ).param_groups
    assert [len(decayed["params"]), len(spared["params"])] == [2, 2]
    assert (decayed["weight_decay"], spared["weight_decay"]) == (1e-2, 0.0)
