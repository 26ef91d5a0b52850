"""The heat maps show means of the tables, and print the numbers that they shade."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.report.figures.heat_maps import draw_families, draw_tags, family_drops, tag_scores
from benchmark.report.figures.style import figure_style, model_styles
from benchmark.score.tables.build import build_tables
from benchmark.score.tag_groups import TagFacts
from tests.support.scored import simulated

MODELS = ("fcn", "musicnn")
FACTS = TagFacts({}, {"tag0": "voice", "tag1": "genre", "tag2": "genre", "tag3": "genre"})
STEPS = {
    "pitch_shift": {s: [("pitch_up", s), ("pitch_down", s)] for s in (1, 3)},
    "white_noise": {s: [("white_noise", s)] for s in (1, 3)},
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    cells = simulated(tmp_path_factory.mktemp("cells"), MODELS)
    return build_tables(cells, n_boot=10, facts=FACTS)


def mean_drops(frame, **wanted):
    """Drop by family and severity: directions averaged, one value a severity."""
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    drops = frame.set_index(["perturbation", "severity"])["drop"]
    return {
        (family, severity): np.mean([drops[where] for where in places])
        for family, steps in STEPS.items()
        for severity, places in steps.items()
    }


def printed(ax):
    """The numbers of a panel by (row, column)."""
    return {
        (round(text.get_position()[1]), round(text.get_position()[0])): float(text.get_text())
        for text in ax.texts
    }


def test_families_by_severity(tables):
    points = family_drops(tables.robustness, "roc_auc")
    found = points.set_index(["model", "family", "severity"])["drop"]
    with figure_style():
        figure, _ = draw_families(tables.robustness, model_styles(list(MODELS)), "roc_auc")
    for ax, model in zip(figure.axes, MODELS, strict=False):
        expected = mean_drops(tables.robustness, model=model, metric="roc_auc")
        shown = printed(ax)
        assert len(shown) == len(expected)
        for row, family in enumerate(STEPS):
            for column, severity in enumerate((1, 3)):
                value = expected[family, severity]
                assert found[model, family, severity] == pytest.approx(value, rel=1e-9)
                assert shown[row, column] == pytest.approx(value, abs=6e-4)


@pytest.mark.parametrize("kind", ["tag", "category"])
def test_tags_and_categories_by_model(tables, kind):
    frame = tables.per_tag
    if kind == "category":
        frame = tables.per_category.rename(columns={"category": "tag", "n_tags": "n_positive"})
    points = tag_scores(frame, "multilabel").set_index(["model", "tag"])
    with figure_style():
        figure = draw_tags(points.reset_index(), model_styles(list(MODELS)), "multilabel")
    clean, drop = (printed(ax) for ax in figure.axes)
    tags = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert sorted(tags) == sorted(set(frame["tag"]))
    assert len(clean) == len(drop) == len(tags) * len(MODELS)
    for column, model in enumerate(MODELS):
        for row, tag in enumerate(tags):
            here = frame[(frame["model"] == model) & (frame["tag"] == tag)]
            score = here.loc[here["severity"] == 0, "roc_auc"].item()
            by_step = mean_drops(here)
            by_family = [np.mean([by_step[f, s] for s in steps]) for f, steps in STEPS.items()]
            own = points.loc[(model, tag)]
            assert own["clean"] == pytest.approx(score, abs=1e-12)
            assert own["drop"] == pytest.approx(np.mean(by_family), rel=1e-9)
            assert own["pitch_shift_drop"] == pytest.approx(by_family[0], rel=1e-9)
            assert clean[row, column] == pytest.approx(score, abs=6e-3)
            assert drop[row, column] == pytest.approx(np.mean(by_family), abs=6e-3)
