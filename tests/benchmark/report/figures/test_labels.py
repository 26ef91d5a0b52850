"""Labels fit their figure, and every character has a glyph or is named as missing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from benchmark.report.figures import labels
from benchmark.report.figures.heat_maps import draw_families, draw_tags, tag_scores
from benchmark.report.figures.style import figure_style, model_styles
from benchmark.score.tables.build import build_tables
from tests.support.report_page import page_of
from tests.support.scored import simulated

TAGS = (
    *("Acoustic guitar, nylon strings, fingerstyle", "Child speech, kid speaking"),
    *(
        "Inside, large room or hall",
        "발라드",
        "中国民族音乐 / 古筝",
        "x" * 60 + " long " + "y" * 54,
    ),
    *("Traffic noise, roadway noise, far", "Traffic noise, roadway noise, near"),
)
MODELS = ("short_chunk_cnn_with_residual_connections", "模型一号 fine-tuned on Korean music", "fcn")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    cells = simulated(tmp_path_factory.mktemp("cells"), MODELS, c=len(TAGS))
    for cell in cells:
        with np.load(cell.predictions) as stored:
            arrays = dict(stored)
        np.savez(cell.predictions, **{**arrays, "tags": np.array(TAGS)})
    return build_tables(cells, n_boot=5)


def overlapping(texts):
    """Return the pairs of drawn texts whose boxes overlap by more than a pixel."""
    boxes = [(t.get_text(), t.get_window_extent().padded(-1)) for t in texts if t.get_text()]
    return [(a[0], b[0]) for a, b in itertools.combinations(boxes, 2) if a[1].overlaps(b[1])]


def test_no_label_overlaps_or_leaves_its_figure(tables):
    styles = model_styles(list(MODELS))
    with figure_style([*TAGS, *MODELS]):
        points = tag_scores(tables.per_tag, "multilabel")
        for figure in (
            draw_tags(points, styles, "multilabel"),
            draw_families(tables.robustness, styles, "roc_auc")[0],
        ):
            figure.draw_without_rendering()
            texts = [
                text
                for ax in figure.axes
                for text in (*ax.get_xticklabels(), *ax.get_yticklabels(), ax._left_title)
            ]
            assert not overlapping(texts)
            for text in texts:
                box = text.get_window_extent()
                assert figure.bbox.padded(2).containsx(box.x0), text.get_text()
                assert figure.bbox.padded(2).containsx(box.x1), text.get_text()
                assert figure.bbox.padded(2).containsy(box.y0), text.get_text()


def test_the_page_names_the_characters_without_a_glyph(tables, tmp_path, monkeypatch):
    monkeypatch.setattr(labels, "_system_fonts", tuple)  # a computer without CJK fonts
    text = page_of(tables, tmp_path)
    missing = "".join(sorted(c for c in set("".join((*TAGS, *MODELS))) if c > "\u3000"))
    assert f"which PDF and PNG files show as boxes: {missing} To draw them" in text
    assert "발라드" in text[text.index("<svg") :]  # a browser has fonts of its own


def test_a_font_is_chosen_that_has_the_glyphs():
    main = FT2Font(font_manager.findfont(labels.MAIN_FONT)).get_charmap()
    other = FT2Font(font_manager.findfont("STIXGeneral")).get_charmap()
    character = chr(min(set(other) - set(main)))
    families, missing = labels.fallback_fonts([f"a{character}\u0378"])
    assert families
    assert missing == ""  # neither an unassigned code point nor a Latin letter is looked up
    paths = [path for name, path in labels._system_fonts() if name == families[0]]
    assert any(ord(character) in FT2Font(path).get_charmap() for path in paths)
    assert labels.fallback_fonts(["plain text, é"]) == ([], "")


def test_shortened_labels_stay_distinct_and_within_their_limit():
    assert labels.shorten("plain", 5) == "plain"
    assert labels.shorten("longer", 5) == "long…"
    assert labels.shorten("발라드 발라드", 6) == "발라…"  # two columns each
    assert labels.shorten("two\nlines", 20) == "two lines"
    same = ["a very long beginning: one", "a very long beginning: two", "b"]
    short = labels.shorten_all(same, 12)
    assert len(set(short)) == 3
    assert [labels.columns(label) <= 12 for label in short] == [True] * 3
    assert short[0].endswith("one")
    alike = ["beginning 1 " + "same end of both", "beginning 2 " + "same end of both"]
    short = labels.shorten_all(alike, 16)
    assert len(set(short)) == 2
    assert [labels.columns(label) <= 16 for label in short] == [True] * 2
