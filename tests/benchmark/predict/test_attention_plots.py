"""Tables, arrays and plots of an explanation."""

from __future__ import annotations

import csv

import numpy as np

from benchmark.predict.attention import explain
from benchmark.predict.attention_plots import write
from tests.support.attention_model import MOMENTS, TAGS, noise, random_model


def test_tables_and_arrays_hold_the_explanation(tmp_path):
    model = random_model(len(TAGS))
    explanation = explain(model, TAGS, noise(MOMENTS))
    paths = write(explanation, tmp_path / "deep/clip", "clip", 3)
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == [
        "clip.attention.csv",
        "clip.attention.png",
        "clip.contributions.csv",
        "clip.contributions.png",
        "clip.npz",
    ]
    with np.load(paths[0]) as arrays:
        assert arrays["tags"].tolist() == list(TAGS)
        np.testing.assert_array_equal(arrays["attention"], explanation.attention)
        np.testing.assert_array_equal(arrays["contributions"], explanation.contributions)
    header, *rows = csv.reader(paths[1].read_text(encoding="utf-8").splitlines())
    assert header[:4] == ["seconds", "layer1.head1", "layer1.head2", "layer1.mean"]
    assert len(header) == 10
    table = np.float64(rows)
    np.testing.assert_allclose(table[:, 0], explanation.times, atol=5e-4)
    np.testing.assert_allclose(table[:, 8], explanation.received[2, 1], atol=1e-6)
    np.testing.assert_allclose(table[:, 9], explanation.received[2].mean(0), atol=1e-6)
    header, *rows = csv.reader(paths[2].read_text(encoding="utf-8").splitlines())
    assert header == ["seconds", *TAGS]
    np.testing.assert_allclose(np.float64(rows)[:, 1:], explanation.contributions.T, atol=1e-6)
