"""Classifiers of scattering frames: sizes, the vote of a track, and the second stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lightning_modules.architectures.frame_dnn import FrameDNN
from lightning_modules.architectures.frame_lstm import FrameLSTM
from lightning_modules.architectures.segment_classifier import SegmentClassifier
from lightning_modules.stages.frame_supervised import FrameSupervised, moments
from tests.support.small_module import RECIPE

LSTM = "lightning_modules.architectures.frame_lstm.FrameLSTM"


@pytest.mark.parametrize(
    ("cls", "units", "parameters"),
    [
        (FrameDNN, [1024], 544_774),
        (FrameDNN, [1024, 1024], 1_594_374),
        (FrameLSTM, [512], 2_130_438),
        (FrameLSTM, [1024], 6_358_022),
        (FrameLSTM, [512, 512], 4_231_174),
        (FrameLSTM, [1024, 1024], 14_753_798),
    ],
)
def test_frame_models_have_the_published_sizes(cls, units, parameters):
    with torch.device("meta"):
        assert cls(units=units, n_tags=6).n_params == parameters


def segment_classifier(**params: Any) -> SegmentClassifier:
    frame_model = {"class_path": LSTM, "params": {"units": [8], "frames": 5, "log": True}}
    return SegmentClassifier.build(
        0, frame_model=frame_model, n_tags=6, task="singlelabel", **params
    ).eval()


@pytest.mark.parametrize(
    ("params", "size"),
    [({}, 24), ({"fused": True}, 549), ({"threshold": [0.3, 0.5]}, 30)],
)
def test_second_stage_learns_a_head_on_the_features_of_a_track(params, size):
    model = segment_classifier(**params)
    assert model.n_params == 256 * (size + 1) + 6 * 257


def frames_of(*classes: int, certainty: float = 4.0) -> Tensor:
    """Return logits (1, R, 3) of frames that vote for these classes."""
    return certainty * torch.eye(3)[list(classes)][None]


def scores_of(*windows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the scores (3,) and the arrays of one track with these logits of frames."""
    model = FrameDNN(units=[4], n_tags=3, task="singlelabel")
    model.frame_logits = lambda features: features  # type: ignore[method-assign]
    model.standardise = torch.nn.Identity()  # type: ignore[assignment]
    outputs = torch.cat([model.window_outputs(window) for window in windows])
    one_track = torch.zeros(len(outputs), dtype=torch.int64)
    arrays = model.track_arrays(outputs, one_track, 1)
    return model.aggregate(outputs, one_track, 1)[0], arrays


def test_a_track_gets_the_class_of_most_frames_over_all_windows():
    doubtful, sure = frames_of(2, 2, 2, certainty=0.1), frames_of(0, 1, certainty=9.0)
    scores, arrays = scores_of(doubtful, sure)
    assert arrays["frame_votes"].tolist() == [[1, 1, 3]]
    assert arrays["frames"].tolist() == [5]
    assert scores.argmax() == 2
    assert scores.sum() == pytest.approx(1)


def test_the_mean_posterior_decides_between_classes_with_equal_votes():
    scores, _ = scores_of(frames_of(0, 0, certainty=1.0), frames_of(1, 1, certainty=9.0))
    assert scores.argmax() == 1
    assert 2 / 5 < scores[0] < scores[1] < 3 / 5


def test_the_second_stage_sees_the_frames_of_all_windows_of_a_track():
    model = segment_classifier(fused=True)
    features = torch.randn(3, 5, 525, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        outputs = model.window_outputs(features)
        together = model.track_features(outputs, torch.tensor([0, 1, 0]), 2)
        alone = model.track_features(outputs[1:2], torch.tensor([0]), 1)
        posteriors = model.frame_model.posteriors(features[[0, 2]]).flatten(0, 1)
        scores = model.aggregate(outputs[1:2], torch.tensor([0]), 1)
        torch.testing.assert_close(scores, model.probabilities(model(features[1:2])))
    torch.testing.assert_close(together[1:], alone)
    torch.testing.assert_close(together[0, :6], posteriors.amax(0))
    torch.testing.assert_close(together[0, 18:24], (posteriors > 0.5).float().mean(0))
    torch.testing.assert_close(together[0, 24:], features[[0, 2]].flatten(0, 1).mean(0))


def test_features_are_standardised_by_all_training_frames():
    rng = np.random.RandomState(0)
    tracks = [rng.standard_normal((rows, 4)).astype(np.float32) * 3 + 7 for rows in (5, 1, 9)]
    mean, deviation = moments(tracks)
    every = np.concatenate(tracks)
    np.testing.assert_allclose(mean, every.mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation, every.std(0), rtol=1e-6)


def test_the_loss_is_the_mean_or_the_sum_over_frames():
    features = torch.randn(2, 5, 525, generator=torch.Generator().manual_seed(0))
    batch: Any = {
        "features": features,
        "targets": torch.eye(3)[:2],
        "track_ids": ["a", "b"],
        "track_index": torch.arange(2),
    }
    losses = []
    for reduction in ("mean", "sum"):
        recipe = RECIPE.model_copy(update={"reduction": reduction})
        model = FrameDNN.build(0, units=[4], n_tags=3, task="singlelabel", recipe=recipe)
        losses.append(FrameSupervised(parents={}).loss(model, {"labelled": batch})["loss"])
        frames = model.frame_logits(features).log_softmax(2)
    assert losses[0].item() == pytest.approx(
        -(frames[0, :, 0].mean() + frames[1, :, 1].mean()).item() / 2
    )
    assert losses[1].item() == pytest.approx(10 * losses[0].item())
