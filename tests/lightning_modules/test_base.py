"""The contract of every architecture on disk, and the lifecycle that the base gives them."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any, ClassVar, Unpack

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from benchmark.config import files
from benchmark.config.classes import import_class
from benchmark.config.schema import ModelFile
from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from lightning_modules.architectures.sample_cnn_se import _ResSEBlock1d
from lightning_modules.architectures.tag_prior import TagPrior
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.layers.conv_blocks import ConvBlock1d, ConvBlock2d, conv2d
from lightning_modules.layers.fused_batchnorm import BatchNorm1d
from lightning_modules.training import adam_then_sgd, optimizers, schedules
from lightning_modules.training.recipe import RECIPES, Recipe, get_recipe
from lightning_modules.training.track_metrics import TrackScores, track_means

MODELS = files.names("models")
LEARNERS = [name for name in MODELS if name != "tag_prior"]
RECIPE = Recipe(epochs=1, batch_size=2, lr=1e-3)


def model_of(name: str, **base: Any) -> TaggingModule:
    """Build the model that ``experiments/models/<name>.yaml`` describes."""
    file = files.load(files.find("models", name), ModelFile)
    cls = import_class(file.class_path, TaggingModule, name)
    return cls.build(0, **{"n_tags": 4, "recipe": RECIPE} | base | file.params)


def short_audio(model: TaggingModule, windows: int) -> Tensor:
    """Chords of different pitch, as short as the model can take."""
    least = model.min_samples
    if model.max_samples is None:
        least = 2 * least + 256  # two steps for a GRU, whose first has no past
    samples = min(model.input_samples, max(least, 12_000))
    t = torch.arange(samples) / model.sample_rate
    pitch = 110 * 2 ** (torch.arange(windows) * 7 / 12)
    chord = sum(torch.sin(2 * torch.pi * pitch[:, None] * k * t) / k for k in (1, 2, 3))
    hiss = torch.from_numpy(rng_for("hiss").standard_normal((windows, samples))).float()
    return 0.2 * chord + 0.02 * hiss


def batch_of(audio: Tensor, targets: Tensor, track_index: Tensor | None = None) -> Batch:
    return {
        "audio": audio,
        "targets": targets.float(),
        "track_ids": [str(i) for i in range(len(targets))],
        "track_index": torch.arange(len(targets)) if track_index is None else track_index,
    }


# --- Every YAML in experiments/models -----------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_model_states_its_facts(name):
    model = model_of(name)
    assert model.title
    assert model.paper
    assert model.sample_rate == 16000
    assert model.min_samples <= model.input_samples
    assert model.learns == any(p.requires_grad for p in model.parameters())
    assert model.bibtex.startswith("@") == model.learns


@pytest.mark.parametrize("name", MODELS)
def test_window_gives_logits_and_the_same_again(name):
    model = model_of(name).eval()
    audio = torch.zeros(1, model.input_samples)
    audio[:, : short_audio(model, 1).shape[1]] = short_audio(model, 1)
    with torch.inference_mode():
        logits = model(audio)
        assert torch.equal(model(audio), logits)
    assert logits.shape == (1, 4)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", MODELS)
def test_window_does_not_hear_its_neighbours(name):
    model = model_of(name).eval()
    audio = short_audio(model, 2)
    with torch.inference_mode():
        together, alone = model(audio), model(audio[:1])
    torch.testing.assert_close(together[:1], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LEARNERS)
def test_gradient_reaches_every_parameter(name):
    # In evaluation mode: a batch norm in training takes the gradient of the bias before it.
    model = model_of(name).eval()
    audio = short_audio(model, 2)
    model.losses(model(audio), torch.eye(4)[:2]).sum().backward()
    untouched = [
        key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert untouched == []


@pytest.mark.parametrize("name", LEARNERS)
def test_model_overfits_one_batch(name):
    model = model_of(name, n_tags=2, task="singlelabel").train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    audio, targets = short_audio(model, 2), torch.eye(2)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    first = last = None
    for _ in range(40):
        loss = model.losses(model(audio), targets).mean()
        last = loss.item()
        first = first or last
        if last < 0.3 * first:
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pytest.fail(f"the loss fell from {first:.3f} to {last:.3f} only")


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("task", ["multilabel", "singlelabel"])
def test_batch_of_one_trains(name, task):
    model = model_of(name, task=task).train()
    model.log = lambda *_, **__: None
    loss = model.training_step(batch_of(short_audio(model, 1), torch.eye(4)[:1]), 0)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_checkpoint_brings_back_model_and_hyper_parameters(name, tmp_path):
    model = model_of(name, task="singlelabel").eval()
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = (
        type(model)
        .load_from_checkpoint(tmp_path / "model.ckpt", weights_only=True, map_location="cpu")
        .eval()
    )
    assert dict(again.hparams) == dict(model.hparams)
    assert again.hparams["n_tags"] == 4
    assert again.recipe == RECIPE
    audio = short_audio(model, 1)
    with torch.inference_mode():
        assert torch.equal(again(audio), model(audio))


@pytest.mark.parametrize("name", LEARNERS)
def test_checkpoint_holds_what_is_learned_and_little_else(name):
    model = model_of(name)
    extra = sum(v.numel() for k, v in model.state_dict().items() if "running_" not in k)
    assert extra - model.n_params < 100  # counters of batch norm


@pytest.mark.parametrize("name", LEARNERS)
def test_initial_weights_depend_on_the_seed_alone(name):
    state = torch.random.get_rng_state()
    first, second = model_of(name), model_of(name)
    assert torch.equal(torch.random.get_rng_state(), state)
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    other = type(first).build(1, n_tags=4, recipe=RECIPE)
    assert any(
        not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True)
    )


# --- The lifecycle, on a leaf small enough to train here ----------------------------------------


class Tiny(TaggingModule):
    """Sixteen samples to logits, with dropout for the sake of its randomness."""

    identity: ClassVar[str] = "Tiny"
    input_samples: ClassVar[int] = 16
    title: ClassVar[str] = "Tiny"
    paper: ClassVar[str] = "none"
    bibtex: ClassVar[str] = "@misc{tiny}"

    def __init__(self, *, hidden: int = 8, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.dense1 = nn.Linear(16, hidden)
        self.dropout = nn.Dropout(0.5)
        self.dense2 = nn.Linear(hidden, self.n_tags)

    def forward(self, audio: Tensor) -> Tensor:
        return self.dense2(self.dropout(self.dense1(audio).relu()))


class Listed(torch.utils.data.Dataset[Batch]):
    """Batches made beforehand."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        return self.batches[index]


def loader(batches: list[Batch]) -> DataLoader[Batch]:
    return DataLoader(Listed(batches), batch_size=None)


def tracks(sizes: list[int], n_tags: int = 5, task: str = "multilabel") -> list[Batch]:
    """Batches of tracks of one to four windows; the last tag is on no track."""
    rng = rng_for("tracks", n_tags, task)
    batches = []
    for size in sizes:
        track_index = torch.from_numpy(np.repeat(np.arange(size), rng.randint(1, 5, size)))
        audio = torch.from_numpy(rng.standard_normal((len(track_index), 16))).float()
        if task == "singlelabel":
            targets = torch.eye(n_tags)[torch.from_numpy(rng.randint(0, n_tags, size))]
        else:
            targets = torch.from_numpy(rng.randint(0, 2, (size, n_tags))).float()
            targets[:, -1] = 0
        batches.append(batch_of(audio, targets, track_index))
    return batches


def trainer_for(tmp_path: Path, epochs: int, **options: Any) -> pl.Trainer:
    return pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=tmp_path,
        **{"enable_checkpointing": False} | options,
    )


quiet = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers:UserWarning",
    "ignore:.*does not have many workers:pytorch_lightning.utilities.warnings.PossibleUserWarning",
    "ignore:Checkpoint directory .* exists and is not empty:UserWarning",  # resuming, we know
    # Lightning 2.6 reads a tree specification of torch 2.11 by its old name
    "ignore:.*LeafSpec.*:FutureWarning",
)


def track_level(model: TaggingModule, batches: list[Batch]) -> tuple[np.ndarray, ...]:
    """Probabilities, targets and losses of every track, one window and one track at a time."""
    scores, targets, losses = [], [], []
    with torch.inference_mode():
        for batch in batches:
            for row, target in enumerate(batch["targets"]):
                logits = model(batch["audio"][batch["track_index"] == row])
                scores.append(model.probabilities(logits).double().mean(0).numpy())
                losses.append(np.mean([float(model.losses(z[None], target[None])) for z in logits]))
                targets.append(target.numpy())
    return np.stack(scores), np.stack(targets), np.array(losses)


@quiet
@pytest.mark.parametrize("sizes", [[7, 5, 1], [2, 2, 2, 2, 2, 2, 1], [13]])
def test_validation_figures_are_sklearn_s_over_tracks(tmp_path, sizes):
    model, batches = Tiny.build(0, n_tags=5).eval(), tracks(sizes)
    (logged,) = trainer_for(tmp_path, 1).validate(model, loader(batches), verbose=False)
    scores, targets, losses = track_level(model, batches)
    assert logged["valid_loss"] == pytest.approx(losses.mean(), rel=1e-6)
    expected = roc_auc_score(targets[:, :-1], scores[:, :-1], average="macro")
    assert logged["valid_roc_auc"] == pytest.approx(expected, abs=1e-6)
    expected = average_precision_score(targets[:, :-1], scores[:, :-1], average="macro")
    assert logged["valid_pr_auc"] == pytest.approx(expected, abs=1e-6)


@quiet
def test_single_label_figures_are_those_of_tracks(tmp_path):
    model = Tiny.build(0, n_tags=5, task="singlelabel").eval()
    batches = tracks([7, 5, 1], task="singlelabel")
    (logged,) = trainer_for(tmp_path, 1).validate(model, loader(batches), verbose=False)
    scores, targets, losses = track_level(model, batches)
    hits = scores.argmax(1) == targets.argmax(1)
    assert logged["valid_accuracy"] == pytest.approx(hits.mean(), abs=1e-6)
    assert logged["valid_loss"] == pytest.approx(losses.mean(), rel=1e-6)
    assert "valid_roc_auc" not in logged


@quiet
def test_figures_do_not_depend_on_how_many_windows_run_at_once(tmp_path, monkeypatch):
    model, batches = Tiny.build(0, n_tags=5), tracks([6, 3])
    whole = trainer_for(tmp_path, 1).validate(model, loader(batches), verbose=False)[0]
    monkeypatch.setattr("lightning_modules.base._SAMPLES_PER_PASS", 3 * 16)
    sizes: list[int] = []
    model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    parts = trainer_for(tmp_path, 1).validate(model, loader(batches), verbose=False)[0]
    assert max(sizes) == 3
    assert parts == pytest.approx(whole, rel=1e-6)
    windows = torch.cat([batch["audio"] for batch in batches])
    assert sum(sizes) == len(windows)


@quiet
def test_validation_starts_afresh_each_time(tmp_path):
    model, batches = Tiny.build(0, n_tags=5), tracks([6, 3])
    trainer = trainer_for(tmp_path, 1)
    first = trainer.validate(model, loader(batches), verbose=False)
    assert trainer.validate(model, loader(batches), verbose=False) == first


def test_figures_without_a_tag_of_both_kinds_are_left_out():
    scores = TrackScores("multilabel")
    scores.update(
        torch.rand(3, 2, generator=torch.Generator().manual_seed(0)),
        torch.tensor([[1.0, 0.0]] * 3),
        torch.ones(3),
    )
    assert set(scores.compute()) == {"loss"}


def test_loss_is_that_of_the_task():
    logits = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
    targets = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    multi, single = (Tiny(n_tags=3, task=task) for task in ("multilabel", "singlelabel"))
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
    model = Tiny.build(0, n_tags=3).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(torch.ones(2, 16))
    assert logits.dtype == torch.bfloat16
    assert model.probabilities(logits).dtype == torch.float32
    assert model.losses(logits, torch.zeros(2, 3)).dtype == torch.float32


def test_track_means_do_not_depend_on_the_order_of_windows():
    values = torch.tensor([[1.0], [5.0], [3.0], [9.0]])
    track_index = torch.tensor([0, 1, 0, 0])
    expected = torch.tensor([[13 / 3], [5.0]])
    torch.testing.assert_close(track_means(values, track_index, 2), expected)
    torch.testing.assert_close(track_means(values.flip(0), track_index.flip(0), 2), expected)


@quiet
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_resumed_training_ends_in_the_same_weights(tmp_path, optimizer):
    recipe = Recipe(epochs=4, batch_size=4, lr=0.05, optimizer=optimizer, weight_decay=0.01)
    train, valid = tracks([4, 4, 3]), tracks([5])
    train = [batch_of(b["audio"][: len(b["targets"])], b["targets"]) for b in train]

    def run(folder: str, stop: int, ckpt: Path | None = None) -> TaggingModule:
        model = Tiny.build(3, n_tags=5, recipe=recipe)
        saver = ModelCheckpoint(tmp_path / folder, save_last=True, save_top_k=0)
        trainer = trainer_for(
            tmp_path, recipe.epochs, callbacks=[saver, StopAfter(stop)], enable_checkpointing=True
        )
        trainer.fit(model, loader(train), loader(valid), ckpt_path=ckpt, weights_only=True)
        return model

    whole = run("whole", 4)
    torch.manual_seed(99)  # whatever happened before in the process
    run("half", 2)
    torch.manual_seed(7)
    resumed = run("half", 4, tmp_path / "half" / "last.ckpt")
    start = Tiny.build(3, n_tags=5)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
        assert not torch.equal(value, start.state_dict()[key]), key


class StopAfter(pl.Callback):
    """End training after some epochs, as a kill would."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs


def test_dropout_differs_between_steps_epochs_and_seeds(monkeypatch):
    def draw(seed: int, epoch: int, step: int) -> tuple[float, ...]:
        model = Tiny.build(seed, n_tags=2)
        monkeypatch.setattr(Tiny, "current_epoch", epoch)
        model.on_train_batch_start(tracks([1])[0], step)
        return tuple(model.dropout(torch.ones(64)).tolist())

    keys = list(itertools.product((0, 1), repeat=3))
    assert len({draw(*key) for key in keys}) == len(keys)
    assert draw(1, 0, 1) == draw(1, 0, 1)


@quiet
def test_bfloat16_recipe_trains_with_clipping(tmp_path):
    recipe = Recipe(epochs=2, batch_size=4, lr=0.05, precision="bf16", grad_clip=1.0)
    model = Tiny.build(0, n_tags=5, recipe=recipe)
    trainer = trainer_for(
        tmp_path,
        recipe.epochs,
        precision=recipe.trainer_precision,
        gradient_clip_val=recipe.grad_clip,
    )
    train = [batch_of(b["audio"][: len(b["targets"])], b["targets"]) for b in tracks([4, 4])]
    trainer.fit(model, loader(train), loader(tracks([5])))
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert trainer.callback_metrics["valid_loss"].isfinite()


def test_frozen_layers_are_not_counted_as_learned():
    model = Tiny.build(0, n_tags=5)
    whole = model.n_params
    frozen = next(child for child in model.children() if list(child.parameters()))
    frozen.requires_grad_(False)
    assert model.n_params == whole - sum(p.numel() for p in frozen.parameters()) < whole


def test_unknown_task_is_answered_with_nearest():
    with pytest.raises(TagbenchError, match="Did you mean 'multilabel'"):
        Tiny(n_tags=2, task="multi-label")  # type: ignore[arg-type]
    with pytest.raises(TagbenchError, match="n_tags >= 1"):
        Tiny(n_tags=0)


def test_hyper_parameters_are_plain_and_complete():
    hparams = dict(Tiny.build(5, n_tags=2, hidden=4, recipe=RECIPE).hparams)
    assert hparams == {
        "n_tags": 2,
        "hidden": 4,
        "seed": 5,
        "task": "multilabel",
        "recipe": RECIPE.model_dump(),
    }


def test_convolutions_hand_on_channels_last():
    for n_in in (1, 6):
        x = conv2d(n_in, 4, 3)(torch.zeros(2, n_in, 8, 8))
        assert x.is_contiguous(memory_format=torch.channels_last)
        assert not x.is_contiguous()


def test_blocks_are_the_published_order_of_layers():
    """Convolution, norm, ReLU, pool: ours pools before the ReLU, to the same numbers."""
    x = torch.from_numpy(rng_for("map").standard_normal((2, 3, 9, 12))).float()
    block = ConvBlock2d(3, 8, pooling=(2, 4)).train()
    norm = nn.BatchNorm2d(8).train()
    published = F.max_pool2d(norm(block.conv(x)).relu(), (2, 4))
    torch.testing.assert_close(block(x), published)
    line = ConvBlock1d(3, 8, 3, stride=2, pooling=3).train()
    published = F.max_pool1d(nn.BatchNorm1d(8).train()(line.conv(x[:, :, 0])).relu(), 3)
    torch.testing.assert_close(line(x[:, :, 0]), published)
    assert line(x[:, :, 0])[:, :, None].is_contiguous(memory_format=torch.channels_last)


def test_blocks_with_squeeze_and_excitation_are_the_published_order():
    x = torch.from_numpy(rng_for("line").standard_normal((2, 3, 30))).float()
    block = _ResSEBlock1d(3, 8, 3, stride=3, pooling=3).eval()
    y = block.bn_2(block.conv_2(block.bn_1(block.conv_1(x)).relu()))
    weight = block.dense2(block.dense1(y.mean(2)).relu()).sigmoid()
    published = F.max_pool1d((y * weight[:, :, None] + block.bn_3(block.conv_3(x))).relu(), 3)
    torch.testing.assert_close(block(x), published)


@pytest.mark.parametrize("kind", ["head", "map"])
def test_batch_norm_takes_a_single_value(kind):
    norm = BatchNorm1d(3).train()
    norm.running_mean += 2
    x = torch.tensor([[1.0, 2.0, 3.0]])
    x = x if kind == "head" else x[:, :, None]
    before = copy.deepcopy(norm.state_dict())
    torch.testing.assert_close(norm(x).flatten(), torch.tensor([-1.0, 0.0, 1.0]), atol=1e-4, rtol=0)
    assert all(torch.equal(v, before[k]) for k, v in norm.state_dict().items())
    two = torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]])
    plain = nn.BatchNorm1d(3).train()
    torch.testing.assert_close(norm(two), plain(two))


# --- The floor ----------------------------------------------------------------------------------


def test_tag_prior_predicts_training_frequencies():
    model = TagPrior.build(0, n_tags=4)
    model.fit_priors(torch.tensor([5, 0, 20, 1]), 20)
    rows = model.probabilities(model(torch.zeros(3, 100)))
    expected = torch.tensor([0.25, 0.025, 0.975, 0.05]).expand(3, -1)  # half a track off 0 and 1
    torch.testing.assert_close(rows, expected)


def test_tag_prior_of_classes_sums_to_one():
    model = TagPrior.build(0, n_tags=3, task="singlelabel")
    model.fit_priors(torch.tensor([5, 2, 13]), 20)
    rows = model.probabilities(model(torch.zeros(1, 100)))
    torch.testing.assert_close(rows, torch.tensor([[0.25, 0.10, 0.65]]))


def test_other_models_need_no_priors():
    model = Tiny.build(0, n_tags=2)
    before = copy.deepcopy(model.state_dict())
    model.fit_priors(torch.tensor([1, 2]), 3)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


# --- Recipes and optimisers ---------------------------------------------------------------------


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


def test_decay_of_adamw_spares_biases_and_norms():
    model = Tiny.build(0, n_tags=2)
    decayed, spared = optimizers.make_optimizer(model, RECIPES["quick"]).param_groups
    assert [len(decayed["params"]), len(spared["params"])] == [2, 2]
    assert (decayed["weight_decay"], spared["weight_decay"]) == (1e-2, 0.0)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 200])
def test_one_cycle_rises_to_the_peak_and_ends_near_zero(steps):
    recipe = Recipe(epochs=1, lr=0.1)
    made = schedules.configure(Tiny.build(0, n_tags=2), recipe, steps)
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


class Diary(pl.Callback):
    """Note optimiser, rate and weights before the first step of every epoch."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[str, float]] = {}
        self.weights: dict[int, Tensor] = {}

    def on_before_zero_grad(self, trainer: pl.Trainer, module: Any, optimizer: Any) -> None:
        epoch = trainer.current_epoch
        if epoch not in self.rows:
            inner = getattr(optimizer, "optimizer", optimizer)
            self.rows[epoch] = type(inner).__name__, inner.param_groups[0]["lr"]
            self.weights[epoch] = module.dense2.weight.detach().clone()


def won2020_run(tmp_path: Path, folder: str, stop: int, ckpt: Path | None = None):
    recipe = Recipe(epochs=10, batch_size=4, optimizer="adam", lr=0.02, weight_decay=1e-4,
                    schedule="won2020")  # fmt: skip
    train = [batch_of(b["audio"][: len(b["targets"])], b["targets"]) for b in tracks([4, 4, 3])]
    model, diary = Tiny.build(3, n_tags=5, recipe=recipe), Diary()
    saver = ModelCheckpoint(tmp_path / folder, save_last=True, save_top_k=1, monitor="valid_loss")
    trainer = trainer_for(
        tmp_path, 10, callbacks=[saver, diary, StopAfter(stop)], enable_checkpointing=True
    )
    trainer.fit(model, loader(train), loader(tracks([5])), ckpt_path=ckpt, weights_only=True)
    return model, diary, saver


@quiet
def test_won2020_phases_switch_optimiser_and_reload_the_best(tmp_path):
    _, diary, _ = won2020_run(tmp_path, "whole", 10)
    expected = [("Adam", 0.02)] * 4 + [("SGD", 0.2)] + [("SGD", 0.02)] + [("SGD", 0.002)] * 4
    assert [(name, pytest.approx(rate)) for name, rate in diary.rows.values()] == expected
    # Three epochs end with a phase; the best weights until then begin the next one.
    for stop in (4, 5, 6):
        _, _, saver = won2020_run(tmp_path, f"until{stop}", stop)
        best = torch.load(saver.best_model_path, weights_only=True)["state_dict"]
        assert torch.equal(diary.weights[stop], best["dense2.weight"])


@quiet
@pytest.mark.parametrize("stop", [2, 4, 5, 6, 8])
def test_won2020_resumes_in_any_phase(tmp_path, stop):
    whole, _, _ = won2020_run(tmp_path, "whole", 10)
    won2020_run(tmp_path, "part", stop)
    resumed, diary, _ = won2020_run(tmp_path, "part", 10, tmp_path / "part" / "last.ckpt")
    assert list(diary.rows) == list(range(stop, 10))
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
