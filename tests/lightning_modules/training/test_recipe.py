"""Training recipes and their validation."""

from __future__ import annotations

import pytest
import torch

from datamodules.common.errors import TagbenchError
from lightning_modules.training import adam_then_sgd, schedules
from lightning_modules.training.recipe import Recipe
from lightning_modules.training.recipes import RECIPES, get_recipe


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


# The content of identities of trained models; a change here would orphan their results.
QUICK = {
    "epochs": 5, "batch_size": 8, "optimizer": "adamw", "lr": 1e-3, "weight_decay": 1e-2,
    "schedule": "one_cycle", "precision": "bf16", "monitor": "valid_loss", "patience": None,
    "valid_windows": 2, "grad_clip": 1.0,
}  # fmt: skip


def test_added_fields_enter_the_identity_where_they_are_set():
    assert RECIPES["quick"].science() == QUICK
    same = {"betas": [0.9, 0.999], "lr_groups": {}, "accumulate": 1}  # the defaults, as in YAML
    assert Recipe.model_validate({**QUICK, **same}).science() == QUICK
    other = Recipe.model_validate({**QUICK, "betas": [0.9, 0.98], "lr_groups": {"spec.": 1e-4}})
    assert other.science() == {**QUICK, "betas": [0.9, 0.98], "lr_groups": {"spec.": 1e-4}}
    assert Recipe.model_validate(other.science()) == other.model_copy(update={"name": "custom"})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gamma": 0.9}, "gamma has an effect only with schedule: exponential; found"),
        ({"plateau_patience": 3}, "plateau_patience has an effect only with schedule: plateau"),
        ({"momentum": 0.5}, "momentum has an effect only with optimizer: sgd"),
        ({"optimizer": "sgd", "betas": (0.9, 0.9)}, "betas .* optimizer: adamw or adam"),
        ({"schedule": "won2020", "lr_groups": {"a": 0.1}}, "lr_groups has an effect only with"),
        ({"schedule": "plateau", "warmup_epochs": 1}, "warmup_epochs has an effect only with"),
        ({"schedule": "cosine", "warmup_epochs": 2}, "warmup_epochs must be below epochs"),
        ({"optimizer": "sgd", "momentum": 0.0}, "nesterov needs a momentum"),
        ({"betas": (0.9, 1.0)}, "less than 1"),
        ({"lr_groups": {"a": "0.1"}}, "valid number"),
    ],
)
def test_a_setting_without_effect_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Recipe(epochs=2, lr=1e-3, **fields)


def test_phases_of_2019_start_earlier_and_decay_no_weights_in_adam():
    recipe = RECIPES["self_attention_2019"]
    assert adam_then_sgd.phase_starts(recipe) == [60, 80, 100]
    named = list(torch.nn.Linear(2, 2).named_parameters())
    first = schedules.configure(named, recipe, 100)["optimizer"]
    later = schedules.configure(named, recipe, 100, epoch=60)["optimizer"]
    assert [first.defaults["weight_decay"], later.defaults["weight_decay"]] == [0.0, 1e-4]
    assert [first.defaults["lr"], later.defaults["lr"]] == [1e-4, 1e-3]
