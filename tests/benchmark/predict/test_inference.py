"""Models in company: windows and spectrograms are shared, and no score depends on it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.predict.inference import Audience, Listener, audiences, equal_front_ends, sharing
from datamodules.loaders.windowing import Windowing
from lightning_modules.architectures.musicnn import Musicnn
from lightning_modules.frontends.log_mel import LogMel
from tests.support.sounds import RATE, music

TAGS = ("a", "b", "c")
WINDOWING = Windowing("tiled")


def listener(name: str, seed: int = 0, **options) -> Listener:
    module = Musicnn.build(seed=seed, n_tags=len(TAGS), **options).eval()
    return Listener(
        name, module, RATE, module.input_samples, torch.device("cpu"), np.arange(3), TAGS
    )


def scores(listeners: list[Listener], tracks: list[np.ndarray]) -> dict[str, np.ndarray]:
    for one in listeners:
        one.start(len(tracks))
    for audience in audiences(listeners, WINDOWING):
        for number, audio in enumerate(tracks):
            audience.hear(number, audio)
        audience.end()
    return {one.train_id: one.scores() for one in listeners}


@pytest.fixture(scope="module")
def company() -> list[Listener]:
    return [
        listener("first"),
        listener("second", seed=1),
        listener("wide", n_mels=128),
        listener("learned", frontend={"name": "log_mel", "trainable": True}),
    ]


def test_scores_in_company_are_those_alone(company: list[Listener]) -> None:
    # 9 and 8 windows: a batch of 16 ends within a track.
    tracks = [music(27.0), music(24.0)[::-1].copy()]
    together = scores(company, tracks)
    for one in company:
        np.testing.assert_array_equal(scores([one], tracks)[one.train_id], together[one.train_id])
    assert not np.array_equal(together["first"], together["second"])


def test_only_equal_front_ends_that_learn_nothing_are_shared(company: list[Listener]) -> None:
    (group,) = equal_front_ends(company)
    assert [id(part) for part in group] == [id(one.module.spec) for one in company[:2]]


def test_a_shared_map_is_computed_once_a_batch(
    company: list[Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[int, int]] = []
    power = LogMel.power

    def counted(self: LogMel, audio: torch.Tensor) -> torch.Tensor:
        heard.append((id(self), len(audio)))
        return power(self, audio)

    monkeypatch.setattr(LogMel, "power", counted)
    pair = company[:2]
    audience = Audience(pair, WINDOWING)
    for one in pair:
        one.start(1)
    audience.hear(0, music(51.0))  # 17 windows
    audience.end()
    assert heard == [(id(pair[0].module.spec), 16), (id(pair[0].module.spec), 1)]


def test_no_model_can_spoil_the_map_of_another(company: list[Listener]) -> None:
    audio = torch.from_numpy(music(3.0))[None]
    first, second = (one.module.spec for one in company[:2])
    wanted = first(audio)
    with sharing([[first, second]]):
        first(audio).zero_()
        assert torch.equal(second(audio), wanted)
        assert torch.equal(second(2 * audio), first.forward(2 * audio))
    assert "forward" not in vars(first)
    assert "forward" not in vars(second)
