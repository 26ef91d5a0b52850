"""The layer that computes the logits of a network, and its input, the embedding."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def find_output_layer(model: nn.Module, outputs: int, skipped: str) -> nn.Linear | None:
    """Return the last linear layer with a number of outputs; None if there is none.

    Args:
        model: The network.
        outputs: Number of outputs, C.
        skipped: Prefix of the names of layers that do not belong to it.
    """
    layers = [
        layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear)
        and layer.out_features == outputs
        and not name.startswith(skipped)
    ]
    return layers[-1] if layers else None


def input_of(layer: nn.Module, forward: Callable[[Tensor], Tensor], audio: Tensor) -> Tensor:
    """Return the input of a layer when a network is applied to audio (B, T), with gradients."""
    inputs: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    try:
        forward(audio)
    finally:
        handle.remove()
    return inputs[-1]
