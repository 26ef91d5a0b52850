"""Training on triplets: word vectors, trained tags, loss and what validation scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from datamodules.common.errors import TagbenchError
from datamodules.labels.tag_subset import choose_tags
from lightning_modules.stages.triplet import Triplet
from lightning_modules.training.triplet import triplet_losses
from tests.support.noise_datamodule import Noise, noise_data, set_epoch
from tests.support.small_module import SmallModule
from tests.support.small_retrieval import WINDOW, SmallRetrieval


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Noise:
    folder = tmp_path_factory.mktemp("corpus")
    Noise(root=folder).prepare_data()
    return noise_data(folder, window=WINDOW, batch_size=6)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("words") / "glove.txt"
    path.write_text("even 1 0\nodd 0 1\nother 1 1\n", encoding="utf-8")
    return str(path)


def prepared(data: Noise, words: str, **params: Any) -> tuple[SmallRetrieval, Triplet]:
    model, stage = SmallRetrieval.build(0, n_tags=3), Triplet(words=words, parents={}, **params)
    stage.prepare(model, SimpleNamespace(labelled=data))  # type: ignore[arg-type]
    model.stage = stage
    return model, stage


def test_loss_is_that_of_tags_songs_and_songs_without_the_tag(data, words):
    model, stage = prepared(data, words, sampling="balanced")
    assert model.word_vectors.tolist() == [[1, 0], [0, 1], [1, 1]]
    set_epoch(data, 0)
    (loader,) = stage.loaders(SimpleNamespace(labelled=data)).values()  # type: ignore[arg-type]
    batch = next(iter(loader))
    songs = batch["targets"][batch["track_index"]]
    assert all(songs[row, tag] for row, tag in enumerate(batch["anchors"]))
    model.eval()  # without dropout
    found = stage.loss(model, {"triplets": batch})["loss"]
    embedded, losses = model.embed(batch["audio"]), []
    for row, tag in enumerate(batch["anchors"].tolist()):
        without = [at for at in range(len(songs)) if not songs[at, tag]]
        if without:
            at = without[int(float(batch["uniforms"][row]) * len(without))]
            anchor = model.embed_words(model.word_vectors[tag][None])
            pair = embedded[row][None], embedded[at][None]
            losses.append(triplet_losses(anchor, *pair, 0.4))
    torch.testing.assert_close(found, torch.cat(losses).mean())


def test_batch_whose_songs_all_have_the_tag_gives_no_loss(data, words):
    model, stage = prepared(data, words)
    batch: Mapping[str, Any] = {
        "audio": torch.randn(2, WINDOW),
        "targets": torch.ones(2, 3),
        "track_index": torch.tensor([0, 1]),
        "anchors": torch.tensor([0, 1]),
        "uniforms": torch.tensor([0.2, 0.9]).double(),
    }
    loss = stage.loss(model, {"triplets": batch})["loss"]  # type: ignore[dict-item]
    loss.backward()
    assert loss == 0
    assert not any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_only_trained_tags_are_anchors_and_select_the_epoch(data, words):
    model, stage = prepared(data, words, trained_tags=("odd", "other"))
    assert stage.trained_tags == ("odd", "other")
    assert model.validated_tags == [1, 2]
    batch = next(iter(data.val_dataloader()))
    model.eval()
    with torch.inference_mode():
        model.validation_step(batch, 0)
        losses, scores = model.evaluate_batch(batch)
    assert scores.shape[1] == 3
    assert model.valid_scores.scores[0].shape == (len(losses), 2)
    other = {**batch, "targets": batch["targets"].clone()}
    other["targets"][:, 0] = 1 - other["targets"][:, 0]  # a label that training must not see
    torch.testing.assert_close(model.evaluate_batch(other)[0], losses)  # type: ignore[arg-type]
    assert prepared(data, words)[1].trained_tags is None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"margin": 0.0}, "margin: expected a value above 0"),
        ({"trained_tags": ("jazz",)}, "Unknown tag 'jazz' in trained_tags"),
        ({"words": "absent.bin"}, "no file of word vectors"),
    ],
)
def test_refusals_state_what_is_expected(data, words, params, message):
    with pytest.raises(TagbenchError, match=message):
        prepared(data, **{"words": words} | params)


def test_another_model_or_size_is_refused(data, words, tmp_path):
    stage, owner = Triplet(words=words, parents={}), SimpleNamespace(labelled=data)
    with pytest.raises(TagbenchError, match="trains models that score words"):
        stage.prepare(SmallModule.build(0, n_tags=3), owner)  # type: ignore[arg-type]
    path = tmp_path / "glove.txt"
    path.write_text("even 1 0 0\nodd 0 1 0\nother 1 1 0\n", encoding="utf-8")
    with pytest.raises(TagbenchError, match="Set word_size: 3"):
        prepared(data, str(path))


def test_subsets_of_tags_depend_on_the_tags_alone():
    tags = ("guitar", "opera", "zither", "no such published tag")
    assert choose_tags("mtat_top50", tags) == ("guitar", "opera")
    half = choose_tags(0.5, tags)
    assert len(half) == 2
    assert set(choose_tags(0.5, tags[::-1])) == set(half)
    with pytest.raises(TagbenchError, match="mtat_top50"):
        choose_tags("mtat_top5", tags)
