"""Fitting a model to the view of the training tracks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from datamodules.common.errors import TagbenchError
from lightning_modules.stages.base import StageContext
from lightning_modules.stages.feature_fit import FeatureFit
from tests.support.small_module import SmallModule


def context_of(model: Any, calls: list[str]) -> StageContext:
    """Return a context of three training tracks, which records that the model is saved."""
    labelled = SimpleNamespace(
        track_features=lambda split: {"train": np.full((3, 2), 0.5, np.float32)}[split],
        corpus=SimpleNamespace(targets=lambda split: {"train": np.eye(3, dtype=np.uint8)}[split]),
    )
    data = SimpleNamespace(labelled=labelled)
    save = lambda: calls.append("save")  # noqa: E731
    return cast("StageContext", SimpleNamespace(model=model, data=data, save=save))


def test_the_model_is_fitted_to_the_training_tracks_and_saved() -> None:
    calls: list[str] = []

    def fit_features(features: Any, targets: Any) -> None:
        assert (features.shape, features.dtype, targets.dtype) == ((3, 2), np.float32, np.float32)
        assert (targets == np.eye(3)).all()
        calls.append("fit")

    model = SimpleNamespace(fit_features=fit_features)
    FeatureFit(parents={}).run(context_of(model, calls))
    assert calls == ["fit", "save"]


def test_a_network_cannot_be_fitted_to_features() -> None:
    calls: list[str] = []
    with pytest.raises(TagbenchError, match="SmallModule cannot be fitted to features"):
        FeatureFit(parents={}).run(context_of(SmallModule.build(0, n_tags=3), calls))
    assert not calls
