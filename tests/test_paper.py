"""What a paper takes from a report: ``tables.tex`` and ``references.bib``."""

from __future__ import annotations

import html
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from benchmark.config.classes import import_class
from benchmark.config.files import find, load, names
from benchmark.config.schema import DatasetFile, ModelFile
from benchmark.report.bibliography import METHODS, TOOLS, entries, key_of, merged, split, tools
from benchmark.report.html import write_report
from benchmark.report.labels import drop_columns
from benchmark.report.latex import escape, needs_unicode_engine, tables_tex
from benchmark.score.tables.build import build_tables
from benchmark.store.tables import to_csv, write_tables
from tests.support.scored import evaluation, simulated

ODD = "a--b_c\\d~e^f {g} 100% & $h$ #1 <i>|\"'`Čüøß"
ENTRY = "@misc{one, title={A {B}}, year={2020}}"
CONSTANT = "tag_prior"

needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not here")


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Four models, one of an odd name, one that knows nothing; and the folder of their report."""
    folder = tmp_path_factory.mktemp("paper")
    tables = build_tables(simulated(folder, ["fcn", ODD, "musicnn", CONSTANT]), n_boot=50)
    write_tables(tables, folder)
    page = write_report(tables, folder, {}, [ENTRY])
    return folder, tables, page.read_text()


def rows_of(text):
    """Return the rows of each tabular by its label: cells as they are written."""
    found = {}
    for part in text.split(r"\begin{table}")[1:]:
        label = re.search(r"\\label\{([^}]*)\}", part)[1]
        body = part.split(r"\midrule")[1].split(r"\bottomrule")[0]
        lines = [re.sub(r"\s*\\\\(\[2pt\])?$", "", line) for line in body.strip().split("\n")]
        found[label] = [re.split(r"(?<!\\) ?& ?", line) for line in lines]
    return found


def number(cell):
    """Return the value of a cell, without its dress."""
    return float(re.sub(r"\\tagbenchinterval.*|\\textbf|[{}$ ]", "", cell))


def interval(cell):
    low, high = re.search(r"\\tagbenchinterval\{(.*?)\}\{(.*?)\}", cell).groups()
    return float(low.replace("$", "")), float(high.replace("$", ""))


def test_the_tables_hold_the_numbers_of_the_leaderboard(scored):
    folder, tables, _ = scored
    found = rows_of((folder / "report" / "tables.tex").read_text())
    assert set(found) == {"tab:synth-leaderboard", "tab:synth-suite-drops"}
    board = pd.read_csv(folder / "leaderboard.csv").dropna(subset=["rank"])
    clean, drops = found.values()
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


def test_models_that_cannot_be_told_apart_share_a_letter(scored):
    _, tables, _ = scored
    clean = rows_of(tables_tex(tables))["tab:synth-leaderboard"]
    letters = [re.search(r"\\textsuperscript\{(\w+)\}", row[0]) for row in clean]
    groups = tables.leaderboard["tie_group"]
    assert [one and one[1] for one in letters] == [
        None if pd.isna(group) else "abc"[group - 1] for group in groups
    ]


def bold(text, label, column):
    """Return which models of a table are bold in a column."""
    rows = [row for row in rows_of(text)[label] if any(cell.strip() for cell in row[:2])]
    name = 1 if label.endswith("leaderboard") else 0
    return [row[name] for row in rows if r"\textbf" in row[column]]


def leads(comparisons, scope, metric, *, drop):
    """Return the models whose difference to every other one excludes zero, to their advantage."""
    part = comparisons[(comparisons["scope"] == scope) & (comparisons["metric"] == metric)]
    if drop:  # one that knows nothing cannot lose it
        part = part[(part["model_a"] != CONSTANT) & (part["model_b"] != CONSTANT)]
    found = []
    for model in sorted({*part["model_a"], *part["model_b"]}):
        ahead = []
        for row in part[(part["model_a"] == model) | (part["model_b"] == model)].itertuples():
            low, high = (row.drop_low, row.drop_high) if drop else (row.low, row.high)
            higher = row.model_a == model
            ahead.append(low > 0 if higher != drop else high < 0)
        found += [model] if all(ahead) else []
    return found


def spread(folder, strengths, *, n=120, c=5):
    """Score models of known skill, with noise of their own on clean and on noisy audio."""
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
        # One far ahead; the weakest has least to lose.
        ({"a": (4, 1), "b": (2, 0.9), "c": (1, 0.95)}, ["a"], ["c"]),
        # Two alike, one behind: neither of the two is the best, of scores or of drops.
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
        ((0.001, 0.2), (-0.001, 0.3), False),  # the runner-up is not all
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


def test_the_second_score_is_bold_only_where_no_interval_touches(scored, tmp_path):
    """``comparisons.csv`` has the primary score alone: the others need apart intervals."""
    for tables in (scored[1], spread(tmp_path, {"a": (4, 1), "b": (2, 1), "c": (1, 1)})):
        board = tables.leaderboard.sort_values("pr_auc", ascending=False)
        apart = board["pr_auc_low"].iloc[0] > board["pr_auc_high"].iloc[1:].max()
        expected = [escape(board["model"].iloc[0])] if apart else []
        assert bold(tables_tex(tables), "tab:synth-leaderboard", 3) == expected
    assert expected == ["a"]  # the second board has a clear best


def test_escaping():
    assert escape("a_b & 5% of $x {y} #2") == r"a\_b \& 5\% of \$x \{y\} \#2"
    assert escape("\\~^<>|") == (
        r"\textbackslash{}\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}"
    )
    assert escape("a--b---c") == "a-{}-b-{}-{}-c"  # no dash
    assert escape("u\u0308ber") == "über"  # one letter, however it is written
    assert escape("東京 \N{MUSICAL SYMBOL G CLEF}\x07\n") == "東京 \N{MUSICAL SYMBOL G CLEF}??"


def test_names_of_another_script_are_kept_and_the_head_names_the_engine(scored):
    _, tables, _ = scored
    assert "XeLaTeX" not in tables_tex(tables)
    board = tables.leaderboard.assign(model=tables.leaderboard["model"].replace("fcn", "모델 一"))
    text = tables_tex(tables.with_frames(leaderboard=board))
    assert "& 모델 一 &" in text
    assert text.splitlines()[3].startswith("% The names need XeLaTeX or LuaLaTeX")


@needs_latex
def test_the_tables_compile_with_booktabs_alone(scored, tmp_path):
    _, tables, _ = scored
    printed = [chr(code) for code in range(32, 0x250) if not needs_unicode_engine(chr(code))]
    every = escape("".join(printed))
    document = "\n".join(
        [
            r"\documentclass{article}\usepackage{booktabs}\begin{document}",
            tables_tex(tables),
            r"\par\raggedright " + re.sub(r"(\?)\?+", r"\1", every),
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
    assert not [line for line in wide if "in alignment" in line], wide  # no table leaves the page


def fields_of(entry):
    """Parse a BibTeX entry by its grammar: kind, key and fields; braces must balance."""
    whole = re.fullmatch(r"@(\w+)\s*\{\s*([^,\s{}]+)\s*,(.*)\}", entry, re.DOTALL)
    kind, key, rest = whole.groups()
    found, at = {}, 0
    while match := re.compile(r"[\s,]*([\w-]+)\s*=\s*").match(rest, at):
        at = match.end()
        if rest[at] == "{":
            depth, end = 1, at + 1
            while depth:  # an entry that never closes runs off its end
                depth += {"{": 1, "}": -1}.get(rest[end], 0)
                end += 1
        elif rest[at] == '"':
            end = rest.index('"', at + 1) + 1
        else:
            end = re.compile(r"\d+").match(rest, at).end()
        value = rest[at:end]
        assert value.count("{") == value.count("}"), (key, value)
        assert match[1].lower() not in found, (key, match[1])
        found[match[1].lower()], at = value, end
    assert not rest[at:].strip(" ,\n"), (key, rest[at:])
    return kind.lower(), key, found


def entries_of(text):
    parsed = [fields_of(entry) for entry in split(text)]
    keys = [key for _, key, _ in parsed]
    assert len({key.lower() for key in keys}) == len(keys)  # BibTeX takes A and a for one
    assert text.count("{") == text.count("}")
    for kind, key, fields in parsed:
        assert "title" in fields, key
        if kind in ("article", "inproceedings"):
            assert {"author", "year"} <= set(fields), key
            assert {"journal", "booktitle"} & set(fields), key
    return {key: fields for _, key, fields in parsed}


@pytest.fixture(scope="module")
def texts():
    """What each model and dataset of the suite says is to be cited, by kind and name."""
    from datamodules.base import TaggingDataModule
    from lightning_modules.base import TaggingModule

    def cls(kind, name, schema, base):
        return import_class(load(find(kind, name), schema).class_path, base, name)

    return {
        ("models", name): cls("models", name, ModelFile, TaggingModule).bibtex
        for name in names("models")
    } | {
        ("datasets", name): cls("datasets", name, DatasetFile, TaggingDataModule).citation
        for name in names("datasets")
    }


def test_every_model_and_dataset_of_the_suite_has_an_entry(texts):
    uncited = {name for (_, name), text in texts.items() if not split(text)}
    # A constant has no paper, one's own music none that we know; the last two are this project's.
    assert uncited <= {"tag_prior", "folder", "synth", "synth_smoke"}
    assert not any(text.strip() for (_, name), text in texts.items() if name in uncited)
    for text in texts.values():
        entries_of(text)
    whole = entries_of(merged([*texts.values(), *tools({"suite", "won2020"}, {"pitch_up"})]))
    assert {"won2020evaluation", "law2009evaluation", "tagbench", "paszke2019pytorch"} <= set(whole)


def test_one_key_is_one_work(texts):
    """Where two classes cite one paper, the first entry hides the other: they must agree."""
    titles = {}
    for entry in split("\n".join([*texts.values(), *entries().values()])):
        _, key, fields = fields_of(entry)
        title = re.sub(r"[{}\s]+", " ", fields["title"]).split()
        assert titles.setdefault(key, title) == title, key


def test_the_tools_of_what_was_heard_are_cited():
    def keys(protocols, perturbations):
        return {key_of(entry) for entry in tools(protocols, perturbations)}

    engines = {TOOLS[name] for name in ("audiomentations", "python-stretch", "librosa")}
    audiomentations, stretch, librosa = (
        TOOLS[name] for name in ("audiomentations", "python-stretch", "librosa")
    )
    mce, won = "hendrycks2019benchmarking", "won2020evaluation"
    clean = keys(set(), set())
    assert "tagbench" in clean
    assert not clean & {*engines, mce, won}
    assert keys({"suite"}, {"white_noise"}) - clean == {audiomentations, mce}
    assert keys({"suite"}, {"pitch_up"}) - clean == {audiomentations, stretch, mce}
    published = keys({"won2020"}, {"won2020_pitch_shift", "won2020_time_stretch"}) - clean
    assert published == {audiomentations, librosa, mce, won}
    assert keys({"won2020"}, {"won2020_white_noise"}) - clean == {audiomentations, mce, won}
    chain = keys({"custom"}, {"compression:3>time_slower:2"}) - clean
    assert chain == {audiomentations, stretch, mce}
    assert keys({"custom"}, {"phone"}) - clean == {audiomentations, mce}  # its links are not told


def test_the_bibliography_is_on_the_page_and_beside_it(scored):
    folder, _, page = scored
    text = (folder / "report" / "references.bib").read_text()
    entries = entries_of(text)
    assert entries["one"]["title"] == "{A {B}}"
    assert {"tagbench", "signalsmith_stretch", "hendrycks2019benchmarking"} <= set(entries)
    shown = re.search(r'<pre id="bibtex"[^>]*>(.*?)</pre>', page, re.DOTALL)[1]
    assert html.unescape(shown) == text


def test_the_first_entry_of_a_key_stays_and_words_between_go():
    other = "@book{two,\n title={C}\n}"
    text = merged([f"{ENTRY}\n% a remark\n", "no entry", f"{other}\n@misc{{one, title={{D}}}}"])
    assert list(entries_of(text)) == ["one", "two"]
    assert "{A {B}}" in text
    assert "{D}" not in text


def test_tables_of_the_same_numbers_are_the_same_bytes(scored):
    folder, tables, _ = scored
    assert (folder / "report" / "tables.tex").read_text() == tables_tex(tables)
    assert (folder / "leaderboard.csv").read_text() == to_csv(tables.leaderboard)


def test_the_entries_of_the_tools_are_found_in_the_package():
    assert set(TOOLS.values()) | set(METHODS.values()) == set(entries())
