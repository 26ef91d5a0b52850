"""The mood network on embeddings: which layer it reads, and how it standardises them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from datamodules.loaders.batch import WindowSpec
from datamodules.loaders.windowing import Windowing, cut, window_starts
from datamodules.views.vector_file import write_vectors
from lightning_modules.architectures.mood_probe import MoodProbe
from lightning_modules.stages.mood_probe import MoodProbing
from tests.support.small_module import SmallModule
from tests.support.sources import run, watched

ENCODER = {"class_path": "tests.support.small_module.SmallModule", "params": {"hidden": 8}}


def test_it_standardises_embeddings_by_the_training_crops():
    encoder = SmallModule.build(3, n_tags=2)
    model = MoodProbe.build(0, n_tags=2, encoder=ENCODER, units=4).eval()
    stage = MoodProbing(parents={"encoder": encoder})
    stage.check(model)
    audio = torch.linspace(-1, 1, 5 * 16).reshape(5, 16).sin()
    embeddings = encoder.embed(audio).detach().numpy()
    stage.arrays = {"train": embeddings[:4].reshape(2, 2, 8)}
    stage.prepare(model, cast("Any", SimpleNamespace()))
    mean, deviation = embeddings[:4].mean(0), embeddings[:4].std(0)
    with torch.inference_mode():
        vectors = (embeddings - mean) / np.where(deviation > 1e-8, deviation, 1)
        expected = model.head.layers(torch.from_numpy(vectors.astype(np.float32)))
        torch.testing.assert_close(model(audio), expected, atol=1e-5, rtol=1e-4)
    learned = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learned == {
        f"head.layers.{n}.{kind}" for n in (0, 3, 6, 9, 12) for kind in ("weight", "bias")
    }
    with pytest.raises(TagbenchError, match=r"trains class .*MoodProbe, got SmallModule"):
        stage.check(encoder)


def test_vectors_of_the_track_follow_the_embeddings(tmp_path: Path):
    corpus = run(watched(8), tmp_path / "corpus")
    ids = [str(track_id) for track_id in corpus.track_ids]
    own = rng_for("vectors").standard_normal((len(ids), 3)).astype(np.float32)
    write_vectors(tmp_path / "vectors.npz", ids, own)
    views = [{"name": "track_vectors", "path": str(tmp_path / "vectors.npz")}]
    model = MoodProbe.build(0, n_tags=2, encoder=ENCODER, units=4, views=views).eval()
    stage = MoodProbing(parents={"encoder": SmallModule.build(3, n_tags=2)})
    assert stage.input_of(cast("Any", None)) == WindowSpec(16, 16000, None)
    train, valid = corpus.rows("train"), corpus.rows("valid")
    embeddings = rng_for("embeddings").standard_normal((len(train), 2, 8)).astype(np.float32)
    windows = np.array([0, 0, 1])  # two of the first validation track, and one of the second
    stage.arrays = {"train": embeddings, "valid": embeddings[0, 0] + np.zeros((3, 8), np.float32)}
    stage.arrays = {**stage.arrays, "valid_track": windows}
    stage.prepare(model, cast("Any", SimpleNamespace(labelled=SimpleNamespace(corpus=corpus))))
    np.testing.assert_array_equal(stage.arrays["train"][:, 1, 8:], own[train])
    np.testing.assert_array_equal(stage.arrays["valid"][:, 8:], own[valid[windows]])
    rows = stage.arrays["train"].reshape(-1, 11)
    np.testing.assert_allclose(model.head.shift, rows.mean(0), atol=1e-5)
    # In evaluation, a row is a window of audio and the vector of the track.
    assert model.view is not None
    assert not model.view.stored
    audio = np.sin(np.arange(40, dtype=np.float32))
    inputs = model.view.of_track(ids[3], audio)
    expected = cut(audio, window_starts(40, 16, Windowing()), 16)
    np.testing.assert_array_equal(inputs[:, :16], expected)
    with torch.inference_mode():
        found = model(torch.from_numpy(inputs)[:, None])
        embedded = model.encoder.embed(torch.from_numpy(expected))
        joined = torch.cat([embedded, torch.from_numpy(own[[3]]).expand(3, 3)], 1)
        torch.testing.assert_close(found, model.head(joined))
