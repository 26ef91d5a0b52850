"""Fine-tuning whose encoder is frozen in the first epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.combined_loader import CombinedLoader
from torch import Tensor, nn

from benchmark.config.models import ResolvedModel
from benchmark.train.model import attach
from datamodules.common.errors import TagbenchError
from lightning_modules.base import TaggingModule
from lightning_modules.stages.fine_tune import FineTune
from lightning_modules.training.recipe import Recipe
from tests.support.small_module import (
    IGNORE_LIGHTNING_WARNINGS,
    batch_loader,
    first_windows,
    make_trainer,
    random_batches,
)

FROZEN, EPOCHS = 2, 4
State = dict[str, Tensor]


class Normed(TaggingModule):
    """Two dense layers with a batch norm between them; the weights of the first decay."""

    identity: ClassVar[str] = "Normed"
    input_samples = 16
    title: ClassVar[str] = "normed"
    paper: ClassVar[str] = ""
    bibtex: ClassVar[str] = ""

    def __init__(self, **base: Any) -> None:
        super().__init__(**base)
        self.dense = nn.Linear(16, 8)
        self.norm = nn.BatchNorm1d(8)
        self.out = nn.Linear(8, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        return self.out(self.norm(self.dense(audio)).relu())


class States(pl.Callback):
    """Copies the state of the model after each epoch, and saves checkpoints in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.after: dict[int, State] = {}

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        state = {name: value.clone() for name, value in pl_module.state_dict().items()}
        self.after[trainer.current_epoch] = state
        trainer.save_checkpoint(self.folder / f"{trainer.current_epoch}.ckpt")


def tuned(folder: Path, recipe: Recipe, resume: Path | None = None) -> dict[int, State]:
    """Train, and return the state of the model after each epoch."""
    folder.mkdir(exist_ok=True)
    model = Normed.build(1, n_tags=5, recipe=recipe)
    parent = Normed.build(2, n_tags=5)
    attach(FineTune(freeze_encoder_epochs=FROZEN, parents={"pretrained": parent}), model, Any)
    states = States(folder)
    trainer = make_trainer(folder, EPOCHS, callbacks=[states])
    batches = random_batches([8, 8])
    train = CombinedLoader({"labelled": batch_loader(first_windows(batches))}, "min_size")
    trainer.fit(model, train, batch_loader(batches), ckpt_path=resume, weights_only=True)
    return states.after


@IGNORE_LIGHTNING_WARNINGS
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_encoder_and_its_norms_stay_fixed_while_frozen(
    optimizer: Literal["adamw", "sgd"], tmp_path: Path
) -> None:
    recipe = Recipe(epochs=EPOCHS, batch_size=8, optimizer=optimizer, lr=1e-2, weight_decay=0.1)
    start, states = Normed.build(2, n_tags=5).state_dict(), tuned(tmp_path, recipe)
    for epoch, state in states.items():
        changed = {name for name, value in state.items() if not torch.equal(value, start[name])}
        assert changed == {"out.weight", "out.bias"} if epoch < FROZEN else set(start), epoch
    # The moments of the optimizer and the norms of a resumed training are the same.
    for stop in (0, 2):
        resumed = tuned(tmp_path / "resumed", recipe, tmp_path / f"{stop}.ckpt")
        assert min(resumed) == stop + 1
        for name, value in states[EPOCHS - 1].items():
            assert torch.equal(resumed[EPOCHS - 1][name], value), (stop, name)


def test_the_parameter_is_part_of_an_id_where_it_is_used(tmp_path: Path) -> None:
    file = tmp_path / "tuned.yaml"
    plain = ResolvedModel.named("clmr_fine_tune")
    text = (
        "class: {}\nstage:\n  class: {}\n  params: {{freeze_encoder_epochs: {}}}\n  parents: {}\n"
    )
    for epochs, expected in ((0, {}), (3, {"freeze_encoder_epochs": 3})):
        parents = "{pretrained: clmr_simclr}"
        file.write_text(text.format(plain.class_path, plain.stage.class_path, epochs, parents))
        stage = ResolvedModel.named(str(file)).stage
        assert stage.identity({}, {}).params == {"steps": None, **expected}
    file.write_text(text.format(plain.class_path, plain.stage.class_path, -1, parents))
    with pytest.raises(TagbenchError, match="freeze_encoder_epochs"):
        FineTune(freeze_encoder_epochs=-1, parents={})
