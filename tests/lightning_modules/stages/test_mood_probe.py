"""The mood network on embeddings: which layer it reads, and how it standardises them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.mood_probe import MoodProbe
from lightning_modules.stages.mood_probe import MoodProbing
from tests.support.small_module import SmallModule


def test_it_standardises_embeddings_by_the_training_crops():
    encoder = SmallModule.build(3, n_tags=2)
    description = {"class_path": "tests.support.small_module.SmallModule", "params": {"hidden": 8}}
    model = MoodProbe.build(0, n_tags=2, encoder=description, units=4).eval()
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
