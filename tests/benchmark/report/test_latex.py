"""The LaTeX tables of a report: numbers, bold type, escaping and compilation."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from benchmark.report.labels import drop_columns
from benchmark.report.latex import tables_tex
from benchmark.report.latex_text import escape, needs_unicode_engine
from benchmark.score.tables.build import build_tables
from tests.support.scored import evaluation

CONSTANT = "tag_prior"

needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not here")


def rows_of(text):
    """Return the rows of each tabular by its label: cells as they are written."""
    tables = {}
    for part in text.split(r"\begin{table}")[1:]:
        label = re.search(r"\\label\{([^}]*)\}", part)[1]
        body = part.split(r"\midrule")[1].split(r"\bottomrule")[0]
        lines = [re.sub(r"\s*\\\\(\[2pt\])?$", "", line) for line in body.strip().split("\n")]
        tables[label] = [re.split(r"(?<!\\) ?& ?", line) for line in lines]
    return tables


def number(cell):
    """Return the value of a cell without its mark-up."""
    return float(re.sub(r"\\tagbenchinterval.*|\\textbf|[{}$ ]", "", cell))


def interval(cell):
    low, high = re.search(r"\\tagbenchinterval\{(.*?)\}\{(.*?)\}", cell).groups()
    return float(low.replace("$", "")), float(high.replace("$", ""))


def test_the_tables_hold_the_numbers_of_the_leaderboard(paper_tables):
    folder, tables = paper_tables
    rows = rows_of(tables_tex(tables))
    assert set(rows) == {"tab:synth-leaderboard", "tab:synth-suite-drops"}
    board = pd.read_csv(folder / "leaderboard.csv").dropna(subset=["rank"])
    clean, drops = rows.values()
    assert [row[1] for row in clean] == [escape(name) for name in board["model"]]
    for cells, row in zip(clean, board.to_dict("records"), strict=True):
        assert re.match(r"\d+", cells[0])[0] == str(int(row["rank"]))
        for cell, name in zip(cells[2:4], ("roc_auc", "pr_auc"), strict=True):
            assert number(cell) == round(row[name], 3)
            assert interval(cell) == (round(row[f"{name}_low"], 3), round(row[f"{name}_high"], 3))
        assert cells[4] == f"{row['n_params'] / 1e6:.2f}"
    names = drop_columns(tables)
    assert names == ["pitch_shift_drop", "white_noise_drop"]
    for above, below, row in zip(drops[::2], drops[1::2], board.to_dict("records"), strict=True):
        assert above[0] == escape(row["model"])
        assert [number(cell) for cell in above[1:]] == [round(row[name], 3) for name in names]
        ends = [(round(row[f"{name}_low"], 3), round(row[f"{name}_high"], 3)) for name in names]
        assert [interval(cell) for cell in below[1:]] == ends


def test_models_of_one_tie_group_share_a_letter(paper_tables):
    _, tables = paper_tables
    clean = rows_of(tables_tex(tables))["tab:synth-leaderboard"]
    letters = [re.search(r"\\textsuperscript\{(\w+)\}", row[0]) for row in clean]
    groups = tables.leaderboard["tie_group"]
    assert [letter and letter[1] for letter in letters] == [
        None if pd.isna(group) else "abc"[group - 1] for group in groups
    ]


def bold(text, label, column):
    """Return which models of a table are bold in a column."""
    rows = [row for row in rows_of(text)[label] if any(cell.strip() for cell in row[:2])]
    name = 1 if label.endswith("leaderboard") else 0
    return [row[name] for row in rows if r"\textbf" in row[column]]


def leads(comparisons, scope, metric, *, drop):
    """Return the models whose difference to every other one excludes zero, to their advantage."""
    pairs = comparisons[(comparisons["scope"] == scope) & (comparisons["metric"] == metric)]
    if drop:  # a constant model has no skill to lose
        pairs = pairs[(pairs["model_a"] != CONSTANT) & (pairs["model_b"] != CONSTANT)]
    leading = []
    for model in sorted({*pairs["model_a"], *pairs["model_b"]}):
        ahead = []
        for row in pairs[(pairs["model_a"] == model) | (pairs["model_b"] == model)].itertuples():
            low, high = (row.drop_low, row.drop_high) if drop else (row.low, row.high)
            higher = row.model_a == model
            ahead.append(low > 0 if higher != drop else high < 0)
        leading += [model] if all(ahead) else []
    return leading


def spread(folder, strengths, *, n=120, c=5):
    """Build tables of models with a given skill on clean and on noisy audio."""
    rng = np.random.RandomState(7)
    targets = (rng.rand(n, c) < 0.4).astype(int)
    cells = []
    for model, (clean, noisy) in strengths.items():
        noise = rng.randn(n, c)
        for severity, skill in ((0, clean), (3, noisy)):
            scores = 1 / (1 + np.exp(-(skill * targets + noise)))
            facts = {} if not severity else {"perturbation": "white_noise", "severity": 3}
            cells.append(evaluation(folder, scores, targets, model=model, **facts))
    return build_tables(cells, n_boot=200)


@pytest.mark.parametrize(
    ("strengths", "clean", "drop"),
    [
        # The first model is far ahead; the weakest has least to lose.
        ({"a": (4, 1), "b": (2, 0.9), "c": (1, 0.95)}, ["a"], ["c"]),
        # Two models of equal skill: neither is the best, in scores or in drops.
        ({"a": (2, 1.2), "b": (2, 1.2), "c": (1, 0.1)}, [], []),
    ],
)
def test_bold_is_the_best_where_each_paired_interval_excludes_zero(
    tmp_path, strengths, clean, drop
):
    tables = spread(tmp_path, strengths)
    text = tables_tex(tables)
    assert leads(tables.comparisons, "clean", "roc_auc", drop=False) == clean
    assert leads(tables.comparisons, "white_noise", "roc_auc", drop=True) == drop
    assert bold(text, "tab:synth-leaderboard", 2) == clean
    assert bold(text, "tab:synth-suite-drops", 1) == drop


@pytest.mark.parametrize(
    ("second", "third", "expected"),
    [
        ((0.001, 0.2), (0.001, 0.3), True),
        ((-0.001, 0.2), (0.001, 0.3), False),
        ((0.001, 0.2), (-0.001, 0.3), False),  # the third model counts as well as the second
        ((0.0, 0.2), (0.001, 0.3), False),
    ],
)
def test_bold_follows_the_paired_interval_alone(tmp_path, second, third, expected):
    tables = spread(tmp_path, {"a": (4, 1), "b": (2, 1), "c": (1, 1)})
    frame = tables.comparisons.copy()
    frame[["low", "high"]] = frame[["low", "high"]].astype(float)
    for rival, ends in (("b", second), ("c", third)):
        own = (frame["scope"] == "clean") & (frame["model_b"] == rival) & (frame["model_a"] == "a")
        assert own.sum() == 1
        frame.loc[own, ["low", "high"]] = ends
    text = tables_tex(tables.with_frames(comparisons=frame))
    assert bold(text, "tab:synth-leaderboard", 2) == (["a"] if expected else [])


def test_the_second_score_is_bold_only_where_no_interval_touches(paper_tables, tmp_path):
    """``comparisons.csv`` has the primary score alone: the others need disjoint intervals."""
    for tables in (paper_tables[1], spread(tmp_path, {"a": (4, 1), "b": (2, 1), "c": (1, 1)})):
        board = tables.leaderboard.sort_values("pr_auc", ascending=False)
        apart = board["pr_auc_low"].iloc[0] > board["pr_auc_high"].iloc[1:].max()
        expected = [escape(board["model"].iloc[0])] if apart else []
        assert bold(tables_tex(tables), "tab:synth-leaderboard", 3) == expected
    assert expected == ["a"]  # the second leaderboard has a best model


def test_escaping():
    assert escape("a_b & 5% of $x {y} #2") == r"a\_b \& 5\% of \$x \{y\} \#2"
    assert escape("\\~^<>|") == (
        r"\textbackslash{}\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}"
    )
    assert escape("a--b---c") == "a-{}-b-{}-{}-c"  # no dash
    assert escape("u\u0308ber") == "über"  # one letter, composed or not
    assert escape("東京 \N{MUSICAL SYMBOL G CLEF}\x07\n") == "東京 \N{MUSICAL SYMBOL G CLEF}??"


def test_names_of_another_script_are_kept_and_the_head_names_the_engine(paper_tables):
    _, tables = paper_tables
    assert "XeLaTeX" not in tables_tex(tables)
    board = tables.leaderboard.assign(model=tables.leaderboard["model"].replace("fcn", "모델 一"))
    text = tables_tex(tables.with_frames(leaderboard=board))
    assert "& 모델 一 &" in text
    assert text.splitlines()[3].startswith("% The names need XeLaTeX or LuaLaTeX")


@needs_latex
def test_the_tables_compile_with_booktabs_alone(paper_tables, tmp_path):
    _, tables = paper_tables
    printed = [chr(code) for code in range(32, 0x250) if not needs_unicode_engine(chr(code))]
    characters = escape("".join(printed))
    document = "\n".join(
        [
            r"\documentclass{article}\usepackage{booktabs}\begin{document}",
            tables_tex(tables),
            r"\par\raggedright " + re.sub(r"(\?)\?+", r"\1", characters),
            r"\end{document}",
        ]
    )
    (tmp_path / "paper.tex").write_text(document)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    log = (tmp_path / "paper.log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "Missing character" not in log
    wide = [line for line in log.splitlines() if line.startswith("Overfull")]
    assert not [line for line in wide if "in alignment" in line], (
        wide
    )  # no table is wider than the page
