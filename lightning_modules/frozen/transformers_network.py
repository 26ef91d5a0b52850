"""Encoders whose network is a class of the package transformers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lightning_modules.frozen.encoder import FrozenEncoder
from lightning_modules.frozen.packages import package


class TransformersEncoder(FrozenEncoder):
    """An encoder of transformers; a subclass implements `configuration`."""

    network: Any

    @abstractmethod
    def configuration(self, config: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the class of the network and the configuration of ``config.json``."""

    def build_network(self, config: Mapping[str, Any]) -> nn.Module:
        """Build the network."""
        network_class, configuration = self.configuration(config)
        network: nn.Module = network_class(configuration)
        return network

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> list[str]:
        """Load published weights; transformers knows the names of its older versions."""
        network_class, configuration = self.configuration(self.config)
        lines = [f"{k}: contains NaN or infinity" for k, v in tensors.items() if not finite(v)]
        try:
            network, info = network_class.from_pretrained(
                None,
                config=configuration,
                state_dict=dict(tensors),
                output_loading_info=True,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
            )
        except (RuntimeError, ValueError, KeyError) as error:
            return [*lines, " ".join(str(error).split())]
        lines += [f"{name}: missing in the file" for name in sorted(info["missing_keys"])]
        lines += [
            f"{name}: expected {tuple(expected)}, got {tuple(got)}"
            for name, got, expected in sorted(info["mismatched_keys"])
        ]
        lines += [
            f"{name}: not part of the network"
            for name in sorted(info["unexpected_keys"])
            if not name.startswith(self.ignored)
        ]
        lines += [f"error: {message}" for message in info["error_msgs"]]
        if not lines:
            self.network.load_state_dict(network.state_dict())
        return lines


def transformers() -> ModuleType:
    """Import transformers, without its messages.

    Raises:
        TagbenchError: It is not installed.
    """
    module = package("transformers", "pip install 'tagbench[encoders]'")
    module.logging.set_verbosity_error()
    module.logging.disable_progress_bar()
    return module


def finite(tensor: Tensor) -> bool:
    """Tell whether a tensor contains neither NaN nor infinity."""
    return bool(tensor.isfinite().all())


def extracted(extract: Any, audio: Tensor, rate: int, name: str) -> Tensor:
    """Return the features (B, ...) that an extractor of transformers computes from audio (B, T).

    Args:
        extract: The extractor.
        audio: Windows.
        rate: Their sample rate in Hz.
        name: Name of the features in the result.
    """
    windows: Sequence[np.ndarray] = list(audio.detach().cpu().numpy())
    features = extract(windows, sampling_rate=rate, return_tensors="np")[name]
    return torch.from_numpy(np.asarray(features, np.float32)).to(audio.device)
