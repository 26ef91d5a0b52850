"""Embeddings at times that are frames of an encoder."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.embed.over_time import embed_at
from lightning_modules.frozen.encoder import FrozenEncoder

RATE, FRAME = 8000, 100


class BlockMeans(FrozenEncoder):
    """The mean of each 100 samples, and the mean of the window."""

    fixed_rate: ClassVar[int | None] = RATE
    least_samples: ClassVar[int] = FRAME

    def build_network(self, config: object) -> nn.Module:
        return nn.Identity()

    def outputs(self, audio: Tensor) -> dict[str, Tensor]:
        blocks = audio.unfold(1, FRAME, FRAME).mean(2)
        return {"frames": blocks[:, :, None], "whole": blocks.mean(1, keepdim=True)}

    @property
    def layer_widths(self) -> dict[str, int]:
        return {"frames": 1, "whole": 1}


@pytest.fixture(scope="module")
def encoder() -> BlockMeans:
    return BlockMeans(config={}, extractor={}, seconds=0.5, n_tags=1)


@pytest.mark.parametrize("samples", [FRAME // 2, 3000, 4000, 13700])
def test_frames_are_those_at_the_times(encoder: BlockMeans, samples: int):
    ramp = np.arange(samples, dtype=np.float32)
    times = np.arange(0, samples / RATE + 1e-9, 0.004)
    found = embed_at(encoder, ramp, times, "frames")
    number = np.minimum(np.floor(times * RATE / FRAME + 1e-9), max(samples // FRAME, 1) - 1)
    padded = np.pad(ramp, (0, max(0, FRAME - samples)))
    expected = padded[: len(padded) // FRAME * FRAME].reshape(-1, FRAME).mean(1)
    np.testing.assert_allclose(found[:, 0], expected[number.astype(int)])


def test_an_output_for_the_whole_window_is_read_around_each_time(encoder: BlockMeans):
    ramp = np.arange(8000, dtype=np.float32)
    found = embed_at(encoder, ramp, np.array([0.25, 0.5]), "whole")
    np.testing.assert_allclose(found[:, 0], [1999.5, 3999.5])
    with torch.inference_mode():
        whole = encoder.embed_layers(torch.from_numpy(ramp[None, 2000:6000]))["whole"]
    np.testing.assert_allclose(found[1], whole[0])
