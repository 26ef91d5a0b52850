"""Inference of several models: windows and spectrograms are shared, and no score depends on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.predict import inference
from benchmark.predict.inference import (
    ModelRunner,
    WindowBatcher,
    equal_front_ends,
    group_by_windows,
    predict_track,
    predict_windows,
    shared_front_ends,
)
from datamodules.loaders.windowing import Windowing
from datamodules.views.waveform import Waveform
from lightning_modules.architectures.musicnn import Musicnn
from lightning_modules.frontends.log_mel import LogMel
from tests.support.sounds import RATE, music

TAGS = ("a", "b", "c")
WINDOWING = Windowing("tiled")


def runner(name: str, seed: int = 0, **options) -> ModelRunner:
    module = Musicnn.build(seed=seed, n_tags=len(TAGS), **options).eval()
    view, window = Waveform(RATE), module.input_samples
    return ModelRunner(name, module, view, window, torch.device("cpu"), np.arange(3), TAGS)


def scores(runners: list[ModelRunner], tracks: list[np.ndarray]) -> dict[str, np.ndarray]:
    for model in runners:
        model.start(len(tracks))
    for batcher in group_by_windows(runners, WINDOWING):
        for number, audio in enumerate(tracks):
            batcher.add(number, audio)
        batcher.finish()
    return {model.train_id: model.scores() for model in runners}


@pytest.fixture(scope="module")
def models() -> list[ModelRunner]:
    return [
        runner("first"),
        runner("second", seed=1),
        runner("wide", n_mels=128),
        runner("learned", frontend={"name": "log_mel", "trainable": True}),
    ]


def test_scores_in_models_are_those_alone(models: list[ModelRunner]) -> None:
    # 9 and 8 windows: a batch of 16 ends within a track.
    tracks = [music(27.0), music(24.0)[::-1].copy()]
    together = scores(models, tracks)
    for model in models:
        np.testing.assert_array_equal(
            scores([model], tracks)[model.train_id], together[model.train_id]
        )
    assert not np.array_equal(together["first"], together["second"])


def test_only_equal_front_ends_that_learn_nothing_are_shared(models: list[ModelRunner]) -> None:
    (group,) = equal_front_ends(models)
    assert [id(part) for part in group] == [id(model.module.spec) for model in models[:2]]


def test_a_shared_map_is_computed_once_a_batch(
    models: list[ModelRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[tuple[int, int]] = []
    power = LogMel.power

    def counted(self: LogMel, audio: torch.Tensor) -> torch.Tensor:
        computed.append((id(self), len(audio)))
        return power(self, audio)

    monkeypatch.setattr(LogMel, "power", counted)
    pair = models[:2]
    batcher = WindowBatcher(pair, WINDOWING)
    for model in pair:
        model.start(1)
    batcher.add(0, music(51.0))  # 17 windows
    batcher.finish()
    assert computed == [(id(pair[0].module.spec), 16), (id(pair[0].module.spec), 1)]


def test_no_model_can_spoil_the_map_of_another(models: list[ModelRunner]) -> None:
    audio = torch.from_numpy(music(3.0))[None]
    first, second = (model.module.spec for model in models[:2])
    wanted = first(audio)
    with shared_front_ends([[first, second]]):
        first(audio).zero_()
        assert torch.equal(second(audio), wanted)
        assert torch.equal(second(2 * audio), first.forward(2 * audio))
    assert first.cache is None
    assert second.cache is None


def test_every_path_bounds_the_windows_of_a_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    module = runner("one").module
    audio, window = music(24.0), module.input_samples  # 8 windows
    starts = np.arange(8) * window
    whole = predict_windows(module, audio, starts)
    monkeypatch.setattr("lightning_modules.inputs._VALUES_PER_PASS", 3 * window)
    assert inference.batch_size(window) == 3
    sizes: list[int] = []
    module.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    parts = predict_windows(module, audio, starts)
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    means = predict_track(module, audio, WINDOWING)
    np.testing.assert_array_equal(means, parts.mean(0))
    assert sizes == 2 * [3, 3, 2]
