"""What a training has used."""

from __future__ import annotations

from benchmark.train.usage import Meter


def test_a_training_on_a_gpu_is_measured_from_before_the_gpu_is_used() -> None:
    assert Meter("cuda:0").describe([])["peak_gpu_bytes"] >= 0
