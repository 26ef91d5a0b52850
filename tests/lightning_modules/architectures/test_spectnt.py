"""SpecTNT: sizes, and along which axis each of its encoders attends."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.spectnt import SpecTNT, SpecTNTBlock
from tests.support.formula import fill, hashed, signal

WINDOWS, FRAMES, BANDS, SPECTRAL, TEMPORAL = 2, 5, 11, 8, 16


@pytest.mark.parametrize(("width", "n_params"), [(96, 834_578), (128, 1_469_106)])
def test_number_of_parameters(width, n_params):
    model = SpecTNT.build(0, n_tags=50, spectral_width=width, temporal_width=width)
    assert model.n_params == n_params


@pytest.fixture(scope="module")
def block() -> SpecTNTBlock:
    block = SpecTNTBlock(SPECTRAL, TEMPORAL)
    fill(block, 1.0, {})
    return block.eval()


def values(key: str, *shape: int) -> Tensor:
    return torch.from_numpy(hashed(key, torch.Size(shape).numel())).view(shape).float()


@pytest.fixture
def spectral() -> Tensor:
    return values("spectral", WINDOWS, FRAMES, BANDS + 1, SPECTRAL)


@pytest.fixture
def temporal() -> Tensor:
    return values("temporal", WINDOWS, FRAMES + 1, TEMPORAL)


def changed(before: Tensor, after: Tensor) -> Tensor:
    """Return whether any channel differs (..., N) of tokens (..., N, D)."""
    return ((before - after).abs() > 1e-6).any(-1)


@torch.no_grad()
def test_spectral_encoder_attends_over_the_frequencies_of_a_frame(block, spectral, temporal):
    before, embeddings = block(spectral, temporal)
    # Tokens have no order of their own: shuffled bands come back shuffled, and time sees no change.
    order = torch.tensor([0, 7, 1, 11, 3, 2, 10, 5, 4, 9, 8, 6])
    shuffled, same = block(spectral[:, :, order], temporal)
    torch.testing.assert_close(shuffled, before[:, :, order])
    torch.testing.assert_close(same, embeddings)
    # One band of one frame reaches all tokens of this frame, and none of another one.
    other = spectral.clone()
    other[1, 3, 6] *= -1
    reached = changed(before, block(other, temporal)[0])
    assert reached[1, 3].all()
    reached[1, 3] = False
    assert not reached.any()
    # Channels do have an order.
    rolled = block(spectral.roll(1, -1), temporal)[0]
    assert (rolled - before.roll(1, -1)).abs().max() > 1e-2


@torch.no_grad()
def test_temporal_encoder_attends_over_time(block, spectral, temporal):
    frames, embeddings = block(spectral, temporal)
    order = torch.tensor([4, 0, 3, 1, 2])
    tokens = torch.cat([torch.tensor([0]), order + 1])
    shuffled_frames, shuffled = block(spectral[:, order], temporal[:, tokens])
    torch.testing.assert_close(shuffled_frames, frames[:, order])
    torch.testing.assert_close(shuffled, embeddings[:, tokens])
    other = spectral.clone()
    other[1, 3, 6] *= -1
    reached = changed(embeddings, block(other, temporal)[1])
    assert reached[1].all()
    assert not reached[0].any()


@torch.no_grad()
def test_last_block_computes_the_class_tokens_alone(block, spectral, temporal):
    frames, embeddings = block(spectral, temporal)
    frame_class, window_class = block(spectral, temporal, last=True)
    torch.testing.assert_close(frame_class, frames[:, :, :1])
    torch.testing.assert_close(window_class, embeddings[:, :1])


@torch.no_grad()
def test_model_gives_its_encoders_bands_and_frames_as_tokens():
    model = SpecTNT.build(0, n_tags=3, spectral_width=8, temporal_width=16).eval()
    shapes: list[tuple[int, ...]] = []
    for encoder in (model.blocks[0].spectral, model.blocks[0].temporal):
        encoder.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape)))
    audio = torch.from_numpy(signal(2 * model.input_samples, 22050)).view(2, -1)
    assert model(audio).shape == (2, 3)
    assert shapes == [(2 * 49, 128 + 1, 8), (2, 49 + 1, 16)]


@torch.no_grad()
def test_positions_tell_bands_and_frames_apart():
    model = SpecTNT.build(0, n_tags=3, spectral_width=8, temporal_width=16).eval()
    audio = torch.from_numpy(signal(model.input_samples, 22050))[None]
    logits = model(audio)
    model.frequency_position.copy_(model.frequency_position.flip(0))
    flipped = model(audio)
    model.temporal_embedding.copy_(model.temporal_embedding.flip(0))
    assert changed(logits, flipped).all()
    assert changed(flipped, model(audio)).all()


@torch.no_grad()
def test_length_limits_are_exact():
    model = SpecTNT.build(0, n_tags=3, spectral_width=4, temporal_width=8).eval()
    assert model(torch.zeros(1, 1536)).shape == (1, 3)  # 4 frames
    assert model(torch.zeros(1, 199 * 512 - 1)).shape == (1, 3)
    for samples in (1535, 199 * 512):
        with pytest.raises(TagbenchError, match=r"cannot take .* expects 0.07 s to 4.62 s"):
            model(torch.zeros(1, samples))


def test_autocast_keeps_the_residual_streams_in_float32_and_trains():
    model = SpecTNT.build(0, n_tags=3, spectral_width=8, temporal_width=16)
    streams: list[torch.dtype] = []
    for block in model.blocks:
        block.register_forward_hook(lambda _, inputs, out: streams.extend(x.dtype for x in out))
    audio = torch.from_numpy(signal(2 * model.input_samples, 22050)).view(2, -1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model.losses(model(audio), torch.ones(2, 3)).mean()
    assert streams == [torch.float32] * 6
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
