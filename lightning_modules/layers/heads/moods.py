"""The perceptron of Korzeniowski et al. (2020), which maps a vector of a track to moods."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_HIDDEN_LAYERS, _DROPOUT = 4, 0.25
_CONSTANT = 1e-8  # standard deviation below which a value is only centred


class MoodLayers:
    """Four hidden layers with ReLU and dropout on standardised vectors, for a module to inherit.

    Attributes:
        shift: Mean of the training vectors (D,), a parameter without gradient as in the published
            code.
        scale: Their standard deviation (D,), likewise.
        layers: Map standardised vectors to logits.
    """

    shift: nn.Parameter
    scale: nn.Parameter
    layers: nn.Sequential

    def build_layers(self, width: int, units: int, n_tags: int) -> None:
        """Build the layers.

        Args:
            width: Values of a vector, D.
            units: Units of each hidden layer.
            n_tags: Number of outputs, C.
        """
        self.shift = nn.Parameter(torch.zeros(width), requires_grad=False)
        self.scale = nn.Parameter(torch.ones(width), requires_grad=False)
        layers: list[nn.Module] = []
        for size in (width, *[units] * (_HIDDEN_LAYERS - 1)):
            hidden = nn.Linear(size, units)
            nn.init.kaiming_uniform_(hidden.weight, nonlinearity="relu")
            layers += [hidden, nn.ReLU(), nn.Dropout(_DROPOUT)]
        output = nn.Linear(units, n_tags)
        nn.init.kaiming_normal_(output.weight, nonlinearity="relu")
        self.layers = nn.Sequential(*layers, output)

    def set_moments(self, mean: Tensor, deviation: Tensor) -> None:
        """Set the mean and the standard deviation (D,) of the training vectors."""
        self.shift.copy_(mean)
        self.scale.copy_(torch.where(deviation > _CONSTANT, deviation, 1.0))

    def logits_of(self, vectors: Tensor) -> Tensor:
        """Map vectors (B, D) to logits (B, C)."""
        logits: Tensor = self.layers((vectors - self.shift) / self.scale)
        return logits


class MoodHead(MoodLayers, nn.Module):
    """`MoodLayers` as a module.

    Args:
        width: Values of a vector, D.
        units: Units of each hidden layer.
        n_tags: Number of outputs, C.
    """

    def __init__(self, width: int, units: int, n_tags: int) -> None:
        super().__init__()
        self.build_layers(width, units, n_tags)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map vectors (B, D) to logits (B, C)."""
        return self.logits_of(vectors)
