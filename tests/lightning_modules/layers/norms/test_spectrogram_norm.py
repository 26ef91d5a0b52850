"""The norm of spectrograms is that of torch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from datamodules.common.seeding import rng_for
from lightning_modules.layers.norms.spectrogram_norm import SpectrogramNorm


@pytest.mark.parametrize(("channels", "affine"), [(1, True), (6, True), (1, False)])
def test_a_step_is_that_of_torch(channels: int, affine: bool) -> None:
    ours, theirs = (
        norm(channels, affine=affine, momentum=0.3) for norm in (SpectrogramNorm, nn.BatchNorm2d)
    )
    draws = rng_for("spectrograms").standard_normal((2, 3, channels, 5, 7))
    for values in torch.from_numpy(20 + 3 * draws).float():
        inputs = [values.clone().requires_grad_() for _ in range(2)]
        outputs = [ours.normalise(inputs[0]), theirs(inputs[1])]
        torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=1e-5)
        for output in outputs:
            (output**3).sum().backward()
        torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=1e-3, atol=1e-4)
    gradients = [[p.grad for p in norm.parameters()] for norm in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-5, atol=1e-5)
