from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from benchmark.perturbations import axis_of
from benchmark.report.figures.degradation import curves
from benchmark.report.figures.pareto import pareto
from benchmark.report.figures.style import model_styles, plottable
from benchmark.report.html import write_report
from benchmark.report.sections.base import Section, sections
from benchmark.report.sections.provenance import grouped
from benchmark.score.tables.build import build_tables
from benchmark.store.predictions import CellFailure
from benchmark.store.tables import read_tables, write_tables
from tests.support.html_page import Page
from tests.support.report_page import page_of
from tests.support.scored import evaluation, simulated

PROVENANCE = {
    "preset": "quick",
    "Data": {"manifest sha256": "ab" * 32, "windows": {"protocol": "tiled"}},
    "Protocol": {"windows": "max_windows 3, protocol tiled"},
    "Software": {"torch": "2.11.0", "engines": ["a", "b"]},
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered")
    failures = [
        CellFailure("synth", "crnn", 0, "", None, "train", "ValueError: <b> & more", "c0ffee" * 10)
    ]
    tables = build_tables(simulated(folder), failures, n_boot=50)
    write_tables(tables, folder)
    page = write_report(tables, folder, PROVENANCE)
    return folder, tables, page.read_text()


def test_the_page_is_whole_and_needs_no_network(rendered):
    folder, _, text = rendered
    page = Page(text)
    assert not [link for link in page.links if link.startswith("#") and link[1:] not in page.ids]
    files = {link for link in page.links if not link.startswith("#")}
    assert {"figures/", "references.bib", "tables.tex", "../leaderboard.csv"} <= files
    for link in files:
        assert (folder / "report" / link).exists(), link
    # Printed BibTeX names addresses, which nothing opens; so does the name space of SVG.
    code = re.sub(r'<pre id="bibtex".*?</pre>', "", text, flags=re.DOTALL)
    assert "://" not in code.replace("http://www.w3.org/", "")
    assert "@import" not in code
    assert len(page.ids) == len(set(page.ids))


def test_the_page_says_what_the_tables_say(rendered):
    _, tables, text = rendered
    said = " ".join(" ".join(Page(text).text).split())
    for row in tables.leaderboard.dropna(subset=["rank"]).to_dict("records"):
        low, high = row["roc_auc_low"], row["roc_auc_high"]
        assert f"{row['roc_auc']:.3f} [{low:.3f}, {high:.3f}]" in said
        assert f"{row['white_noise_drop']:.3f}" in said
    assert "crnn no clean evaluation" in said
    assert "ValueError: <b> & more" in said  # escaped in the source, text on the page
    assert "50 bootstrap replicates" in said
    assert "prevalence-matched" in said
    assert "receives the test tracks in windows (max windows 3, protocol tiled)" in said
    cells = re.findall(r'<td class="([^"]+)"[^>]*title="tag_prior: 0.500', text)
    assert set(cells) == {"heat unclear"}  # it cannot drop
    assert 'class="heat" style' in text
    assert "Models with ROC-AUC 0.5 under every condition are not drawn: tag_prior." in said
    for fact in ("torch", "2.11.0", "ab" * 32, "protocol tiled", "a, b"):
        assert fact in said


def test_inline_figures_are_valid_and_follow_the_page(rendered):
    _, _, text = rendered
    drawings = re.findall(r"<figure[^>]*>(<svg.*?</svg>)</figure>", text, flags=re.DOTALL)
    assert len(drawings) == 6  # two families, clean against perturbed; three wide ones
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert root.get("aria-label")
        assert "currentColor" in drawing
        used = set(re.findall(r'xlink:href="#([^"]+)"', drawing))
        used |= set(re.findall(r"url\(#([^)]+)\)", drawing))
        assert used <= {one.get("id") for one in root.iter()}
    assert sum('class="series-0 line"' in one for one in drawings) == 4  # all but the heat maps


def test_rendering_again_changes_no_byte_and_stale_figures_go(rendered):
    folder, tables, _ = rendered
    report = folder / "report"
    before = {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    (report / "figures" / "degradation_reverb.pdf").write_bytes(b"old")
    (report / "figures" / "notes.txt").write_text("mine")
    write_tables(tables, folder)
    write_report(read_tables(folder), folder, PROVENANCE)
    (report / "figures" / "notes.txt").unlink()
    assert before == {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}


def test_figures_come_as_vector_bitmap_and_numbers(rendered):
    folder, tables, _ = rendered
    figures = folder / "report" / "figures"
    names = {path.stem for path in figures.iterdir()}
    assert names == {
        *("degradation", "degradation_pitch_shift", "degradation_white_noise"),
        *("clean_against_robust", "drops", "leaderboard", "families", "ranks", "tags"),
    }
    for name in names:
        assert (figures / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (figures / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    noise = pd.read_csv(figures / "degradation_white_noise.csv")
    fcn = noise[noise["model"] == "fcn"]
    assert fcn["x"].tolist() == [-45, -30, -15]  # clean lies one step beyond the faintest noise
    clean = tables.leaderboard.query("model == 'fcn'")["roc_auc"].iloc[0]
    assert fcn["value"].iloc[0] == clean


def test_pitch_is_drawn_from_down_through_clean_to_up(rendered):
    (pitch, _) = curves(rendered[1].robustness, "roc_auc")
    fcn = pitch.points[pitch.points["model"] == "fcn"]
    assert pitch.family == "pitch_shift"
    assert fcn["x"].tolist() == [-1, -0.25, 0, 0.25, 1]
    assert fcn["tick"].tolist() == ["-1", "-0.25", "clean", "0.25", "1"]


def test_an_unknown_unit_falls_back_to_severity(tmp_path):
    targets = [[1], [0], [1], [0]]
    scores = [[0.9], [0.1], [0.4], [0.6]]
    reverb = {"perturbation": "hall", "family": "reverb", "unit": "seconds"}
    cells = [
        evaluation(tmp_path, scores, targets),
        evaluation(tmp_path, scores, targets, severity=2, level=1.5, **reverb),
    ]
    tables = build_tables(cells, n_boot=10)
    (curve,) = curves(tables.robustness, "roc_auc")
    assert curve.label == "severity (seconds)"
    assert curve.points[["x", "tick"]].to_numpy().tolist() == [[0.0, "clean"], [2.0, "1.5"]]
    assert "reverb" in page_of(tables, tmp_path)


def test_an_engine_at_rest_is_no_curve_and_means_are_over_the_suite(tmp_path):
    targets = [[1], [0], [1], [0]]
    suite = {"perturbation": "white_noise", "severity": 3}
    rest = {"perturbation": "rest", "family": "pitch_shift", "unit": "semitones", "level": 0.0}
    band = {
        "perturbation": "control_low_pass",
        "family": "low_pass",
        "unit": "Hz",
        "level": 6727.171,
    }
    cells = [
        evaluation(tmp_path, scores, targets, model=model, **facts)
        for model, facts, scores in [
            ("a", {}, [[0.9], [0.1], [0.8], [0.2]]),
            ("a", suite, [[0.9], [0.1], [0.4], [0.6]]),
            ("a", {**rest, "severity": 1, "protocol": "controls"}, [[0.1], [0.9], [0.2], [0.8]]),
            ("a", {**band, "severity": 5, "protocol": "controls"}, [[0.1], [0.9], [0.2], [0.8]]),
        ]
    ]
    tables = build_tables(cells, n_boot=10)
    noise, low_pass = curves(tables.robustness, "roc_auc")
    assert (noise.family, low_pass.family) == ("white_noise", "controls_low_pass")
    assert low_pass.points["tick"].tolist() == ["clean", "6727"]
    page = page_of(tables, tmp_path)
    assert "6727 <span" in page
    assert page.index("white noise <span") < page.index("control low pass <span")  # the suite first
    points = pd.read_csv(tmp_path / "report" / "figures" / "clean_against_robust.csv")
    assert points["perturbed"].tolist() == [0.75]  # without the controls


def test_rates_lie_on_a_log_scale():
    axis = axis_of("time_faster", "rate")
    assert axis is not None
    assert [axis.position(rate) for rate in (0.5, 1.0, 2.0)] == [-1, 0, 1]


def test_clean_alone_and_nothing_at_all_still_give_a_page(tmp_path):
    cells = simulated(tmp_path, ["fcn", "musicnn"])
    clean = build_tables([one for one in cells if one.condition.severity == 0], n_boot=10)
    page = Page(page_of(clean, tmp_path / "clean"))
    assert "fcn" in page.text
    assert "Degradation" not in page.text
    assert "mCE" not in " ".join(page.text)
    nothing = write_report(build_tables([], []), tmp_path / "nothing", {})
    Page(nothing.read_text())


def test_sections_have_an_order_and_each_has_its_anchor(rendered):
    found = sections()
    assert all(isinstance(section, Section) for section in found)
    orders = [section.order for section in found]
    assert orders == sorted(set(orders))
    text = rendered[2]
    anchors = re.findall(r'<h2 id="([^"]+)"', text)
    assert anchors == re.findall(r'<a href="#([^"]+)">', text)
    assert anchors == [section.id for section in found if section.id in anchors]
    assert {"leaderboard", "curves", "conditions", "methods", "references"} <= set(anchors)


def test_single_label_page(tmp_path):
    cells = simulated(tmp_path, ["fcn"], task="singlelabel")
    clean = [one for one in cells if one.condition.severity == 0]
    text = page_of(build_tables(clean, n_boot=10), tmp_path)
    assert "ranked by accuracy" in text
    assert "macro-F1" in text


def test_twelve_models_look_different():
    found = model_styles([f"m{i}" for i in range(12)])
    assert len({(one.colour, one.dash) for one in found}) == 12
    assert len({one.marker for one in found}) == 12
    for one in found:
        points = np.array([pair.split(",") for pair in one.points.split()], dtype=float)
        assert points[:, 0].min() >= 8
        assert points[:, 0].max() <= 18


def test_plottable_keeps_something_to_draw():
    board = pd.DataFrame({"model": ["a", "b"], "roc_auc": [0.5, 0.5]})
    assert len(plottable(board, model_styles(["a", "b"]))) == 2
    board["roc_auc"] = [0.9, 0.5]
    assert [one.model for one in plottable(board, model_styles(["a", "b"]))] == ["a"]


def test_pareto_front_by_hand():
    points = pd.DataFrame(
        {"model": list("abcd"), "clean": [0.9, 0.8, 0.7, 0.8], "perturbed": [0.5, 0.7, 0.6, 0.65]}
    )
    assert pareto(points)["model"].tolist() == ["a", "b"]


def test_provenance_sections():
    assert grouped({"a": 1, "B": {"c": [1, 2], "d": {"e": None}}}) == [
        ("Run", [("a", "1")]),
        ("B", [("c", "1, 2"), ("d", "e None")]),
    ]
    assert grouped({}) == []
