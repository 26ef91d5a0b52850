"""What every model file in ``experiments/models`` guarantees."""

from __future__ import annotations

from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from benchmark import experiment_files as files
from benchmark.config.models import ResolvedModel
from datamodules.common.seeding import rng_for
from lightning_modules.architectures.retrieval_model import RetrievalModel
from lightning_modules.base import TaggingModule
from tests.support.small_module import RECIPE, batch_of

RESOLVED = {
    # Files that differ in the way of training alone describe one network.
    (model.class_path, repr(model.architecture.params), repr(model.derived)): model
    for model in map(ResolvedModel.named, reversed(files.names("models")))
}
BY_NAME = {model.name: model for model in RESOLVED.values()}
MODELS = sorted(BY_NAME)
LEARNERS = [name for name in MODELS if BY_NAME[name].learns]  # by gradients
NETWORKS = [name for name in LEARNERS if not BY_NAME[name].derived]
# The logits of retrieval models are similarities of embeddings.
LINEAR = [name for name in LEARNERS if not issubclass(BY_NAME[name].cls, RetrievalModel)]
# Learning rates other than 1e-3: two Transformers inside each other need a warm-up at that rate.
RATES = {"spectnt": 1e-4, "spectnt_128": 1e-4}


def model_of(name: str, seed: int = 0, **base: Any) -> TaggingModule:
    """Build the model that ``experiments/models/<name>.yaml`` describes."""
    model = BY_NAME[name]
    params = {**model.architecture.params, **model.derived}
    return model.cls.build(seed, **{"n_tags": 4, "recipe": RECIPE} | base | params)


def short_audio(model: TaggingModule, windows: int) -> Tensor:
    """Return chords of different pitch, or noise for a view, as short as the model accepts."""
    least = model.min_samples
    if model.view is not None:
        rows = min(model.input_samples, max(least, 3))  # an LSTM needs two, the first has no past
        shape = (windows, rows, model.view.width)
        return torch.from_numpy(rng_for("rows").standard_normal(shape)).float()
    if model.max_samples is None:
        least = 2 * least + 256  # two steps for a GRU, whose first has no past
    samples = min(model.input_samples, max(least, 12_000))
    t = torch.arange(samples) / model.sample_rate
    pitch = 110 * 2 ** (torch.arange(windows) * 7 / 12)
    chord = sum(torch.sin(2 * torch.pi * pitch[:, None] * k * t) / k for k in (1, 2, 3))
    hiss = torch.from_numpy(rng_for("hiss").standard_normal((windows, samples))).float()
    return 0.2 * chord + 0.02 * hiss


@pytest.mark.parametrize("name", MODELS)
def test_model_states_its_facts(name):
    model = model_of(name)
    assert model.title
    assert model.paper
    rates = (16000, 22050) if model.view is None else (12000, 16000, 22050, 44100)
    assert model.sample_rate in rates
    assert model.min_samples <= model.input_samples
    learns = any(p.requires_grad for p in model.parameters())
    assert learns == (name in LEARNERS)
    assert model.bibtex.startswith("@") == (name != "tag_prior")


@pytest.mark.parametrize("name", MODELS)
def test_window_gives_logits_and_the_same_again(name):
    model = model_of(name).eval()
    audio = torch.zeros(1, *BY_NAME[name].input_spec.shape)
    audio[:, : short_audio(model, 1).shape[1]] = short_audio(model, 1)
    with torch.inference_mode():
        logits = model(audio)
        assert torch.equal(model(audio), logits)
    assert logits.shape == (1, 4)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", MODELS)
def test_window_does_not_depend_on_other_windows(name):
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
    if model.tests_bags:  # the instances of one bag compete for its attention
        batch = batch_of(audio, torch.eye(4)[:1].repeat(2, 1))
        batch["bag"] = torch.zeros(2, dtype=torch.int64)
        model.supervised_loss(batch).backward()
    else:
        model.losses(model(audio), torch.eye(4)[:2]).sum().backward()
    untouched = [
        key
        for key, p in model.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.abs().sum() > 0)
    ]
    assert untouched == []


@pytest.mark.parametrize("name", NETWORKS)
def test_model_overfits_one_batch(name):
    model = model_of(name, n_tags=2, task="singlelabel").train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    audio, targets = short_audio(model, 2), torch.eye(2)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATES.get(name, 1e-3))
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
    learned = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in learned)


@pytest.mark.parametrize("name", MODELS)
def test_checkpoint_restores_model_and_hyper_parameters(name, tmp_path):
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
    moments = ("running_", "standardise.", "word_vectors")
    extra = sum(
        v.numel() for k, v in model.state_dict().items() if not any(m in k for m in moments)
    )
    assert extra - sum(p.numel() for p in model.parameters()) < 100  # counters of batch norm


@pytest.mark.parametrize("name", LEARNERS)
def test_initial_weights_depend_on_the_seed_alone(name):
    state = torch.random.get_rng_state()
    first, second = model_of(name), model_of(name)
    assert torch.equal(torch.random.get_rng_state(), state)
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    other = model_of(name, seed=1)
    assert any(
        not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True)
    )


@pytest.mark.parametrize("name", LINEAR)
def test_embedding_is_the_input_of_the_layer_that_computes_the_logits(name):
    model = model_of(name).eval()
    audio = short_audio(model, 2)
    with torch.inference_mode():
        embedding, logits = model.embed(audio), model(audio)
        assert embedding.shape == (2, model.classifier.in_features)
        torch.testing.assert_close(model.classifier(embedding), logits, rtol=1e-4, atol=1e-5)
