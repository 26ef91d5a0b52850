"""Embeddings of models that see a view of a track."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from torch import Tensor

from benchmark.embed.over_time import embed_at
from benchmark.embed.windows import embed_track
from datamodules.loaders.windowing import Windowing
from lightning_modules.base import TaggingModule
from lightning_modules.inputs import InputSpec
from tests.support.audio_files import noise
from tests.support.views import BlockLevels


class OnBlocks(TaggingModule):
    """Sees four blocks of 1,000 samples at 8 kHz; its embedding is their mean."""

    identity: ClassVar[str] = "OnBlocks"

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        return InputSpec(8000, 4, 1, 8, BlockLevels())

    def forward(self, rows: Tensor) -> Tensor:
        return rows[:, :, 0].mean(1, keepdim=True)

    def embed(self, rows: Tensor) -> Tensor:
        return rows.mean(1)


@pytest.mark.parametrize("per_window", [False, True])
def test_windows_are_rows_of_the_view(per_window: bool):
    model, audio = OnBlocks.build(0, n_tags=1).eval(), noise(0.9, 8000)
    values = BlockLevels().compute(audio)
    assert len(values) == 7
    rows = embed_track(model, values, 0.9, Windowing(), ("penultimate",), per_window=per_window)
    expected = np.stack([values[:4].mean(0), values[3:].mean(0)])
    if per_window:
        assert (rows.starts.tolist(), rows.durations.tolist()) == ([0.0, 0.375], [0.5, 0.5])
    else:
        assert (rows.starts.tolist(), rows.durations.tolist()) == ([0.0], [0.9])
        expected = expected.mean(0, keepdims=True)
    np.testing.assert_allclose(rows.vectors["penultimate"], expected, atol=1e-6)


def test_the_view_is_computed_of_the_audio_around_a_time():
    model, audio = OnBlocks.build(0, n_tags=1).eval(), noise(3.0, 8000)
    found = embed_at(model, audio, np.array([1.0, 3.0]), "penultimate")
    for row, part in zip(found, (audio[6000:10000], np.pad(audio[22000:], (0, 2000))), strict=True):
        np.testing.assert_allclose(row, BlockLevels().compute(part).mean(0), atol=1e-6)
