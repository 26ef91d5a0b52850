"""A state dict in the published layout."""

from __future__ import annotations

import pytest
from torch import Tensor

from tests.support.won2020_layouts import LAYOUTS


@pytest.fixture
def fcn_state() -> dict[str, Tensor]:
    """Random weights in the layout of the FCN, which a test may change."""
    return next(layout for layout in LAYOUTS if layout.model == "fcn").tensors()
