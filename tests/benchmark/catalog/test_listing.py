"""The tables of ``tagbench list``."""

from __future__ import annotations

from benchmark.catalog.listing import listing


def test_augmentations_are_listed_with_their_probabilities():
    names, steps = (list(column.cells) for column in listing("augmentations").columns)
    table = dict(zip(names, steps, strict=True))
    assert table["mtt"].startswith("polarity_inversion 0.8, noise 0.3, gain 0.2, high_low_pass 0.8")
    assert table["family:pitch_shift"] == "pitch_down or pitch_up 0.5"


def test_benchmarks_name_variants_as_the_tables_do():
    names, _, models, _ = (list(column.cells) for column in listing("benchmarks").columns)
    table = dict(zip(names, models, strict=True))
    assert table["robust_training"].startswith("fcn, fcn+pitch_shift, fcn+time_stretch")
