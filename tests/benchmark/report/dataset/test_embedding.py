"""Projection of clips to a plane."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.report.dataset.embedding import MOST_POINTS, project
from datamodules.common.seeding import rng_for


def test_projection_keeps_what_fits_in_a_plane():
    rng = rng_for("plane")
    flat = rng.standard_normal((60, 2)) @ np.linalg.qr(rng.standard_normal((5, 5)))[0][:2]
    planar = project(flat)
    assert planar.stress < 0.25
    points = rng.standard_normal((40, 2))  # two features: only their scale is lost
    exact = project(points)
    assert exact.explained.sum() == pytest.approx(1)
    assert exact.stress == pytest.approx(0, abs=1e-6)
    expected = np.linalg.norm(np.diff(points / points.std(axis=0), axis=0), axis=1)
    np.testing.assert_allclose(np.linalg.norm(np.diff(exact.mds, axis=0), axis=1), expected)


def test_projection_of_equal_clips_and_of_many():
    same = project(np.ones((5, 4)))
    assert not same.pca.any()
    assert not same.mds.any()
    assert MOST_POINTS >= 1000
