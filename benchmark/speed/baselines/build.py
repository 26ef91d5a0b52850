"""Finding the plain form of an architecture."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from benchmark.speed.baselines import attention, harmonic, image_models, wave_models


def plain_class(name: str) -> type[nn.Module] | None:
    """Return the plain form of the architecture whose class is called ``name``."""
    for module in (image_models, wave_models, attention, harmonic):
        found = vars(module).get(name)
        if inspect.isclass(found) and issubclass(found, nn.Module):
            return found
    return None


def build_plain(ours: type[nn.Module], n_tags: int, params: Mapping[str, Any]) -> nn.Module | None:
    """Make the plain form of a model, if it has one.

    Args:
        ours: Class of ours.
        n_tags: Number of outputs.
        params: Its parameters. What the plain form lacks, such as another front end than the
            published one, must be at its default.
    """
    cls = plain_class(ours.__name__)
    if cls is None:
        return None
    known, defaults = inspect.signature(cls).parameters, inspect.signature(ours).parameters
    given = {}
    for name, value in params.items():
        if name in known:
            given[name] = value
        elif value != defaults[name].default:
            return None
    return cls(n_tags=n_tags, **given)
