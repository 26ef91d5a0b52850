"""Stages that learn targets beyond tags: branches, losses, and what they leave alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError
from datamodules.labels.targets.artist_group_factors import ArtistGroupFactors
from datamodules.labels.targets.subgenre_factors import SubgenreFactors
from lightning_modules.architectures.artist_group_network import ArtistGroupNetwork
from lightning_modules.stages.multi_task import MultiTask
from lightning_modules.stages.target_pretraining import TargetPretraining
from tests.support.small_module import SmallModule, batch_of

NAMES = ("audio", "words")
SOURCES = {"audio": ArtistGroupFactors(factors=4), "words": SubgenreFactors(factors=3)}
CLASSES = 5
LABELS = np.eye(CLASSES, dtype=np.uint8)[[0, 0, 0, 1, 2, 2]]
CORPUS = SimpleNamespace(targets=lambda split: LABELS)
DATA: Any = SimpleNamespace(targets=SOURCES, labelled=SimpleNamespace(corpus=CORPUS))


def network(branches: int = 1) -> ArtistGroupNetwork:
    return ArtistGroupNetwork.build(
        0, n_tags=CLASSES, task="singlelabel", branches=branches, frames=16
    )


def batch(samples: int) -> Any:
    """Return four windows of three tracks; the second has no factors of audio."""
    generator = torch.Generator().manual_seed(1)
    audio = torch.randn((4, samples), generator=generator)
    made: Any = batch_of(audio, torch.eye(CLASSES)[[0, 2, 1]], torch.tensor([0, 1, 1, 2]))
    factors = torch.rand((3, 4), generator=generator).softmax(1)
    factors[1] = torch.nan
    words = torch.rand((3, 3), generator=generator).softmax(1)
    return made | {"auxiliary": {"audio": factors, "words": words}}


def test_the_network_has_the_parameters_of_its_layers() -> None:
    def conv(n_in: int, n_out: int, kernel: int) -> int:
        return (n_in * kernel**2 + 1) * n_out + 2 * n_out  # with its batch norm

    shared = 2 + conv(1, 16, 5)  # with the batch norm of the spectrogram
    sizes = ((16, 32, 3), (32, 64, 3), (64, 64, 3), (64, 128, 3), (128, 256, 3), (256, 256, 1))
    branch = sum(conv(*size) for size in sizes) + conv(256, 256, 1)  # the dense layer
    single = ArtistGroupNetwork.build(0, n_tags=16)
    assert single.n_params == shared + branch + 257 * 16 == 567_346
    three = ArtistGroupNetwork.build(0, n_tags=16, branches=3)
    assert three.n_params == shared + 3 * branch + (3 * 256 + 1) * 16 == 1_701_106
    assert single.embed(torch.randn(2, single.input_samples)).shape == (2, 256)


def test_each_branch_learns_its_target_and_the_output_layer_none() -> None:
    model, stage = network(branches=2), TargetPretraining(targets=NAMES, parents={})
    stage.prepare(model, DATA)
    model.stage = stage
    made = batch(model.input_samples)
    # No track has factors of audio: the first branch, and its head, learn nothing.
    made["auxiliary"]["audio"][:] = torch.nan
    terms = stage.loss(model, {"labelled": made})
    terms["loss"].backward()
    gradients = {name: float(p.grad.abs().sum()) for name, p in model.learned_parameters()}
    learned = {name for name, total in gradients.items() if total > 0}
    assert all(name in learned for name in gradients if name.startswith("branches.1.dense"))
    assert not any(name.startswith(("branches.0", "stage.heads.0")) for name in learned)
    assert "shared.conv.weight" in learned
    assert terms["audio_loss"] == 0 < terms["words_loss"] == terms["loss"]
    assert not any(name.startswith("dense") for name in gradients)  # the output layer
    with pytest.raises(TagbenchError, match=r"expected 1, one for each branch .* found 2"):
        TargetPretraining(targets=NAMES, parents={}).prepare(network(), DATA)
    with pytest.raises(TagbenchError, match="different names"):
        TargetPretraining(targets=("audio", "audio"), parents={})


def test_multi_task_adds_the_losses_of_windows_that_have_a_target() -> None:
    model = network().eval()
    stage = MultiTask(targets=NAMES, class_weights=True, parents={})
    stage.prepare(model, DATA)
    stage.eval()
    made = batch(model.input_samples)
    terms = stage.loss(model, {"labelled": made})
    with torch.no_grad():
        shared = model.shared_map(made["audio"])
        audio, words = (
            head(branch(shared)).log_softmax(1)
            for head, branch in zip(stage.heads, stage.extra_branches, strict=True)
        )
        kept = torch.tensor([0, 3])  # windows of tracks with factors
        factors = made["auxiliary"]["audio"][[0, 2]]
        expected_audio = -(factors * audio[kept]).sum(1).mean()
        expected_words = -(made["auxiliary"]["words"][[0, 1, 1, 2]] * words).sum(1).mean()
        weight = torch.tensor([6 / 15, 6 / 5, 6 / 10, 6 / 5, 6 / 5])
        logits = model(made["audio"])
        expected_label = F.cross_entropy(logits, torch.tensor([0, 2, 2, 1]), weight=weight)
    torch.testing.assert_close(terms["audio_loss"], expected_audio)
    torch.testing.assert_close(terms["words_loss"], expected_words)
    torch.testing.assert_close(terms["label_loss"], expected_label)
    torch.testing.assert_close(terms["loss"], expected_audio + expected_words + expected_label)


def test_gradnorm_weights_the_labels_and_each_target() -> None:
    model, stage = network(), MultiTask(targets=NAMES, gradnorm=0.5, parents={})
    stage.prepare(model, DATA)
    model.stage = stage
    terms = stage.loss(model, {"labelled": batch(model.input_samples)})
    terms["loss"].backward()
    assert dict(model.learned_parameters())["stage.gradnorm.weights"].grad.shape == (3,)
    model.on_save_checkpoint(saved := {"state_dict": model.state_dict()})
    assert not any("branch" in name for name in saved["state_dict"] if "stage" in name)
    assert {"stage.gradnorm.weights", "stage.gradnorm.initial"} <= saved["stage"].keys()
    small = SmallModule.build(0, n_tags=CLASSES, task="singlelabel")
    stage.prepare(small, DATA)
    with pytest.raises(TagbenchError, match="gradnorm needs a model with branches"):
        stage.loss(small, {"labelled": batch(16)})


def test_any_model_learns_targets_from_its_embedding() -> None:
    model, stage = SmallModule.build(0, n_tags=CLASSES), MultiTask(targets=NAMES, parents={})
    stage.prepare(model, DATA)
    model.stage = stage
    stage.loss(model, {"labelled": batch(16)})["loss"].backward()
    assert [head.in_features for head in stage.heads] == [8, 8]
    assert all(p.grad is not None for _, p in model.learned_parameters())
