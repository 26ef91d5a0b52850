"""The recipes that have names.

Like `recipe`, this module does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from datamodules.common.errors import unknown_name
from lightning_modules.training.recipe import Recipe

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            # For a few hundred tracks in minutes: one cycle allows a high peak learning rate.
            Recipe(
                name="quick",
                epochs=5,
                batch_size=8,
                lr=1e-3,
                weight_decay=1e-2,
                precision="bf16",
                valid_windows=2,
                grad_clip=1.0,
            ),
            # One optimizer and one schedule in place of the four phases of the paper. There is no
            # patience: the rate peaks at epoch 18 and anneals until epoch 60, so that a stop after
            # some epochs of noise near the peak would give up the gain of the annealing. The best
            # epoch is kept in any case.
            Recipe(
                name="standard",
                epochs=60,
                batch_size=16,
                lr=1e-3,
                weight_decay=1e-2,
                precision="bf16",
                valid_windows=4,
                grad_clip=1.0,
            ),
            # The settings of the published solver of Won et al. 2020.
            Recipe(
                name="won2020",
                epochs=200,
                batch_size=16,
                optimizer="adam",
                lr=1e-4,
                weight_decay=1e-4,
                schedule="won2020",
                valid_windows=16,
            ),
            # Won et al. 2019, github.com/minzwon/self-attention-music-tagging.
            Recipe(
                name="self_attention_2019",
                epochs=200,
                batch_size=16,
                optimizer="adam",
                lr=1e-4,
                weight_decay=1e-4,
                schedule="self_attention_2019",
                monitor="valid_roc_auc",
                valid_windows=16,
            ),
            # Won et al. 2021, the Music Tagging Transformer.
            Recipe(
                name="mtt",
                epochs=200,
                batch_size=32,
                optimizer="adam",
                lr=1e-4,
                schedule="constant",
                patience=40,
                valid_windows=8,
            ),
            # The optimizer of the only public implementation of SpecTNT, with the budget of mtt.
            Recipe(
                name="spectnt",
                epochs=200,
                batch_size=32,
                lr=5e-4,
                weight_decay=5e-3,
                schedule="constant",
                patience=40,
                valid_windows=8,
            ),
            # Spijkervet and Burgoyne 2021 (CLMR): pre-training of up to 10,000 epochs.
            Recipe(
                name="simclr",
                epochs=10_000,
                batch_size=48,
                optimizer="adam",
                lr=3e-4,
                schedule="constant",
            ),
            # The same: linear evaluation, and the supervised network.
            Recipe(
                name="clmr_probe",
                epochs=200,
                batch_size=48,
                optimizer="adam",
                lr=1e-3,
                weight_decay=1e-6,
                schedule="plateau",
                patience=10,
            ),
            Recipe(
                name="clmr",
                epochs=200,
                batch_size=48,
                optimizer="adam",
                lr=3e-4,
                weight_decay=1e-6,
                schedule="constant",
                patience=10,
            ),
            # MARBLE (Yuan et al., NeurIPS 2023): probes of pretrained encoders. Its batches hold
            # whole clips, whose windows are averaged.
            Recipe(
                name="marble",
                epochs=50,
                batch_size=32,
                optimizer="adam",
                lr=1e-3,
                schedule="plateau",
                plateau_factor=0.5,
                plateau_patience=3,
                monitor="valid_roc_auc",
                patience=10,
            ),
            # Dai et al. 2016. The publication names a decay of 0.9 and not its trigger. Its dense
            # networks have the learning rate 8e-6, see the preset of this name.
            Recipe(
                name="dai2016",
                epochs=100,
                batch_size=60,
                optimizer="sgd",
                momentum=0.8,
                nesterov=False,
                lr=2e-5,
                schedule="newbob",
                plateau_factor=0.9,
                plateau_patience=0,
                reduction="sum",
            ),
            # Korzeniowski et al. 2020: on listening vectors, and on embeddings of audio.
            Recipe(
                name="korzeniowski2020",
                epochs=100,
                batch_size=128,
                optimizer="adam",
                lr=4e-4,
                schedule="korzeniowski2020",
                warmup_epochs=1,
                monitor="valid_pr_auc",
            ),
            Recipe(
                name="korzeniowski2020_audio",
                epochs=100,
                batch_size=128,
                optimizer="adam",
                lr=5e-5,
                weight_decay=1e-6,
                schedule="korzeniowski2020",
                warmup_epochs=1,
                monitor="valid_pr_auc",
            ),
            # Won et al. 2021, "Multimodal metric learning for tag-based music retrieval".
            Recipe(
                name="retrieval",
                epochs=200,
                batch_size=128,
                draws=10_000,
                optimizer="adam",
                lr=1e-4,
                weight_decay=1e-4,
                schedule="constant",
                monitor="valid_pr_auc",
                valid_windows=8,
            ),
        )
    }
)


def get_recipe(name: str) -> Recipe:
    """Return the preset called ``name``.

    Raises:
        TagbenchError: There is none; the message names the nearest.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    return RECIPES[name]


def as_recipe(recipe: Recipe | Mapping[str, Any] | None) -> Recipe:
    """Return a recipe from its fields; the preset ``standard`` for None."""
    if recipe is None:
        return RECIPES["standard"]
    return recipe if isinstance(recipe, Recipe) else Recipe.model_validate(dict(recipe))
