"""Contrastive pre-training: projector, loss and what it leaves alone."""

from __future__ import annotations

import json

import numpy as np
import torch
from torch import nn

from lightning_modules.architectures.clmr_sample_cnn import CLMRSampleCNN
from lightning_modules.stages.simclr import SimCLR
from tests.support.formula import fill, signal
from tests.support.paths import DATA
from tests.support.small_module import SmallModule

GOLDEN = json.loads((DATA / "clmr_sample_cnn.json").read_text(encoding="utf-8"))


def test_projections_and_loss_are_those_of_the_reference() -> None:
    facts = GOLDEN["simclr"]
    model, stage = CLMRSampleCNN.build(0, n_tags=50), SimCLR(parents={})
    stage.prepare(model, None)  # type: ignore[arg-type]  # it needs no data
    # As in the publication: the encoder without its output layer, and the projector.
    published = nn.Module()
    published.encoder = nn.Module()
    published.encoder.sequential, published.projector = model.sequential, stage.projector
    assert sum(p.numel() for p in published.parameters()) == facts["parameters"] == 2_663_424
    fill(published, GOLDEN["gain"], {})
    audio, size = signal(60000 + 4500 + GOLDEN["samples"], 22050), GOLDEN["samples"]
    windows = [
        factor * audio[start + 1500 * k :][:size]
        for k in range(4)
        for start, factor in ((0, 1.0), (60000, -0.5))
    ]
    batch = torch.from_numpy(np.stack(windows).astype(np.float32))
    model.eval()
    with torch.inference_mode():
        z = stage.projector(model.embed(batch))
        loss = stage.loss(model, {"pairs": {"audio": batch}})["loss"]  # type: ignore[typeddict-item]
    np.testing.assert_allclose(z[0::2, :16], facts["z_i"], atol=1e-5)
    np.testing.assert_allclose(z[1::2, :16], facts["z_j"], atol=1e-5)
    np.testing.assert_allclose(loss, facts["loss"], atol=1e-6)


def test_output_layer_is_not_trained_and_is_not_the_projector() -> None:
    # The projector has as many outputs as the model.
    model, stage = SmallModule.build(0, n_tags=4), SimCLR(projection=4, parents={})
    stage.prepare(model, None)  # type: ignore[arg-type]
    model.stage = stage
    assert model.classifier is model.dense2
    learned = [name for name, _ in model.learned_parameters()]
    assert learned == [
        "dense1.weight",
        "dense1.bias",
        "stage.projector.0.weight",
        "stage.projector.2.weight",
    ]
    model.train()
    loss = stage.loss(model, {"pairs": {"audio": torch.randn(6, 16)}})["loss"]  # type: ignore[typeddict-item]
    loss.backward()
    assert all(p.grad is not None for _, p in model.learned_parameters())
    assert model.dense2.weight.grad is None
