"""The peephole LSTM against values from its formulas in NumPy."""

from __future__ import annotations

import json

import torch
from torch import Tensor

from lightning_modules.layers.frames.peephole_lstm import PeepholeLSTM
from tests.support.formula import hashed
from tests.support.paths import DATA

GATES = "ifco"


def value(name: str, *shape: int, scale: float = 1.0) -> Tensor:
    size = int(torch.Size(shape).numel())
    return scale * torch.from_numpy(hashed(name, size)).reshape(shape)


def test_states_and_gradients_are_those_of_the_formulas() -> None:
    golden = json.loads((DATA / "peephole_lstm.json").read_text(encoding="utf-8"))
    layer = PeepholeLSTM(3, 2).double()
    with torch.no_grad():
        layer.weight_ih.copy_(torch.cat([value(f"W_x{gate}", 2, 3) for gate in GATES]))
        layer.weight_hh.copy_(torch.cat([value(f"W_h{gate}", 2, 2) for gate in GATES]))
        layer.bias.copy_(torch.cat([value(f"b_{gate}", 2, scale=0.1) for gate in GATES]))
        layer.peephole.copy_(torch.stack([value(f"w_c{gate}", 2) for gate in "ifo"]))
    x = value("x", 1, 4, 3, scale=2.0).requires_grad_()
    outputs = layer(x)
    outputs.square().sum().backward()

    def same(actual: Tensor | None, expected: object) -> None:
        wanted = torch.tensor(expected, dtype=torch.float64)
        assert actual is not None
        torch.testing.assert_close(actual.detach(), wanted, rtol=1e-8, atol=1e-9)

    gradients = golden["gradients"]
    same(outputs[0], golden["h"])
    same(x.grad[0] if x.grad is not None else None, gradients["x"])
    for parameter, prefix in (
        (layer.weight_ih, "W_x"),
        (layer.weight_hh, "W_h"),
        (layer.bias, "b_"),
    ):
        same(parameter.grad, [row for gate in GATES for row in gradients[prefix + gate]])
    same(layer.peephole.grad, [gradients[f"w_c{gate}"] for gate in "ifo"])


def test_a_window_of_a_batch_does_not_depend_on_the_others_or_on_autocast() -> None:
    layer = PeepholeLSTM(3, 2)
    x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    together = layer(x)
    torch.testing.assert_close(layer(x[1:]), together[1:])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(x), together)
