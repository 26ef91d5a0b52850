"""Look up and build the plain form of an architecture."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from benchmark.speed.baselines import attention, harmonic, image_models, wave_models


def plain_class(name: str) -> type[nn.Module] | None:
    """Return the plain form of the architecture with this class name, or None."""
    for module in (image_models, wave_models, attention, harmonic):
        value = vars(module).get(name)
        if inspect.isclass(value) and issubclass(value, nn.Module):
            return value
    return None


def build_plain(ours: type[nn.Module], n_tags: int, params: Mapping[str, Any]) -> nn.Module | None:
    """Build the plain form of a model.

    Args:
        ours: Class of the model.
        n_tags: Number of outputs.
        params: Parameters of the model.

    Returns:
        The plain form, or None if there is none for this class, or if ``params`` sets one that the
        plain form does not have to a value other than its default.
    """
    cls = plain_class(ours.__name__)
    if cls is None:
        return None
    supported, defaults = inspect.signature(cls).parameters, inspect.signature(ours).parameters
    given = {}
    for name, value in params.items():
        if name in supported:
            given[name] = value
        elif value != defaults[name].default:
            return None
    return cls(n_tags=n_tags, **given)
