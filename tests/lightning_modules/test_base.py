"""Losses, seeds, hyper-parameters and resumed training of `TaggingModule`."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule
from lightning_modules.training.recipe import Recipe
from tests.support.small_module import (
    IGNORE_LIGHTNING_WARNINGS,
    RECIPE,
    SmallModule,
    StopAfterEpoch,
    batch_loader,
    first_windows,
    make_trainer,
    random_batches,
)


def test_loss_is_that_of_the_task():
    logits = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
    targets = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    multi, single = (SmallModule(n_tags=3, task=task) for task in ("multilabel", "singlelabel"))
    p = 1 / (1 + np.exp(-logits.double().numpy()))
    expected = -(targets.numpy() * np.log(p) + (1 - targets.numpy()) * np.log(1 - p)).mean(1)
    np.testing.assert_allclose(multi.losses(logits, targets).numpy(), expected, rtol=1e-6)
    q = np.exp(logits.double().numpy())
    q /= q.sum(1, keepdims=True)
    # The class of a row with several ones is the first.
    np.testing.assert_allclose(
        single.losses(logits, targets).numpy(), -np.log(q[[0, 1], [0, 1]]), rtol=1e-6
    )
    np.testing.assert_allclose(multi.probabilities(logits).numpy(), p, rtol=1e-6)
    np.testing.assert_allclose(single.probabilities(logits).numpy(), q, rtol=1e-6)


def test_probabilities_are_float32_under_autocast():
    model = SmallModule.build(0, n_tags=3).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(torch.ones(2, 16))
    assert logits.dtype == torch.bfloat16
    assert model.probabilities(logits).dtype == torch.float32
    assert model.losses(logits, torch.zeros(2, 3)).dtype == torch.float32


@IGNORE_LIGHTNING_WARNINGS
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adamw"},
        {"optimizer": "adam", "schedule": "cosine", "warmup_epochs": 1},
        {"optimizer": "sgd", "schedule": "exponential", "lr_groups": {"dense2": 0.01}},
        # The rate falls after each epoch without a better loss.
        {"schedule": "plateau", "plateau_patience": 0, "accumulate": 2},
    ],
    ids=["one_cycle", "cosine", "exponential", "plateau"],
)
def test_resumed_training_ends_in_the_same_weights(tmp_path, settings):
    recipe = Recipe(epochs=4, batch_size=4, lr=0.05, weight_decay=0.01, **settings)
    train, valid = first_windows(random_batches([4, 4, 3])), random_batches([5])

    def run(folder: str, stop: int, ckpt: Path | None = None) -> TaggingModule:
        model = SmallModule.build(3, n_tags=5, recipe=recipe)
        saver = ModelCheckpoint(tmp_path / folder, save_last=True, save_top_k=0)
        trainer = make_trainer(
            tmp_path,
            recipe.epochs,
            callbacks=[saver, StopAfterEpoch(stop)],
            enable_checkpointing=True,
            accumulate_grad_batches=recipe.accumulate,
        )
        trainer.fit(
            model, batch_loader(train), batch_loader(valid), ckpt_path=ckpt, weights_only=True
        )
        return model

    whole = run("whole", 4)
    torch.manual_seed(99)  # whatever happened before in the process
    run("half", 2)
    torch.manual_seed(7)
    resumed = run("half", 4, tmp_path / "half" / "last.ckpt")
    start = SmallModule.build(3, n_tags=5)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
        assert not torch.equal(value, start.state_dict()[key]), key


def test_dropout_differs_between_steps_epochs_and_seeds(monkeypatch):
    def draw(seed: int, epoch: int, step: int) -> tuple[float, ...]:
        model = SmallModule.build(seed, n_tags=2)
        monkeypatch.setattr(SmallModule, "current_epoch", epoch)
        model.on_train_batch_start(random_batches([1])[0], step)
        return tuple(model.dropout(torch.ones(64)).tolist())

    keys = list(itertools.product((0, 1), repeat=3))
    assert len({draw(*key) for key in keys}) == len(keys)
    assert draw(1, 0, 1) == draw(1, 0, 1)


@IGNORE_LIGHTNING_WARNINGS
def test_bfloat16_recipe_trains_with_clipping(tmp_path):
    recipe = Recipe(epochs=2, batch_size=4, lr=0.05, precision="bf16", grad_clip=1.0)
    model = SmallModule.build(0, n_tags=5, recipe=recipe)
    trainer = make_trainer(
        tmp_path,
        recipe.epochs,
        precision=recipe.trainer_precision,
        gradient_clip_val=recipe.grad_clip,
    )
    train = first_windows(random_batches([4, 4]))
    trainer.fit(model, batch_loader(train), batch_loader(random_batches([5])))
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert trainer.callback_metrics["valid_loss"].isfinite()


def test_frozen_layers_are_not_counted_as_learned():
    model = SmallModule.build(0, n_tags=5)
    whole = model.n_params
    frozen = next(child for child in model.children() if list(child.parameters()))
    frozen.requires_grad_(False)
    assert model.n_params == whole - sum(p.numel() for p in frozen.parameters()) < whole


def test_unknown_task_suggests_the_nearest():
    with pytest.raises(TagbenchError, match="Did you mean 'multilabel'"):
        SmallModule(n_tags=2, task="multi-label")  # type: ignore[arg-type]
    with pytest.raises(TagbenchError, match="n_tags >= 1"):
        SmallModule(n_tags=0)


def test_hyper_parameters_are_plain_and_complete():
    hparams = dict(SmallModule.build(5, n_tags=2, hidden=4, recipe=RECIPE).hparams)
    assert hparams == {
        "n_tags": 2,
        "hidden": 4,
        "seed": 5,
        "task": "multilabel",
        "recipe": RECIPE.model_dump(),
    }
