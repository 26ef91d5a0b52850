"""results/README.md names every file and column, in the order of the files."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from benchmark.score.consistency import names as measures
from benchmark.score.tables.build import build_tables
from benchmark.score.tables.schema import all_tables
from benchmark.score.tables.statistics import _OF_FAMILY, _OVER_FAMILIES
from benchmark.store.effects_file import UNITS
from benchmark.store.run_record import RECORD
from tests.support.paths import ROOT
from tests.support.scored import CONDITIONS, simulated

RESULTS = ROOT / "results"
FIXED = {
    spec.file: tuple(column.name for column in spec.columns)
    for spec in all_tables().values()
    if spec.name != "leaderboard"
}
FAMILIES = {family for family, _, _ in CONDITIONS.values()} - {"clean"}


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return {title.replace("`", ""): body for title, body in zip(parts[1::2], parts[2::2])}  # noqa: B905


def listed(section: str) -> list[str]:
    """Return the columns that a section lists, in order."""
    (block,) = re.findall(r"^```\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    return [name for name in re.split(r"[,\s]+", block) if name]


def explained(section: str) -> set[str]:
    """Return what the first cells of the tables of a section name, and what begins a line."""
    cells = re.findall(r"^\| (`.*?) \|", section, flags=re.MULTILINE)
    first = re.findall(r"^(`[^`\n]+`) ", section, flags=re.MULTILINE)
    return {name for cell in (*cells, *first) for name in re.findall(r"`([^`]+)`", cell)}


def told(section: str) -> set[str]:
    """Return whatever the words of a section name."""
    return set(re.findall(r"`([^`\n]+)`", section.replace("```", "")))


def unexplained(names: list[str], section: str, shared: str) -> list[str]:
    known = explained(section) | explained(shared)
    plain = [re.sub(r"_(low|high)$", "", name) for name in names]
    pairs = zip(names, plain, strict=True)
    return [n for n, p in pairs if n not in known and (p == n or p not in known)]


@pytest.mark.parametrize("name", FIXED)
def test_every_column_is_listed_and_explained(sections: dict[str, str], name: str) -> None:
    assert listed(sections[name]) == list(FIXED[name])
    found = unexplained(list(FIXED[name]), sections[name], sections["What the tables share"])
    assert not found


def test_no_table_is_left_out(sections: dict[str, str]) -> None:
    overview = (RESULTS / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    for name in (*FIXED, "leaderboard.csv", RECORD):
        assert name in sections
        assert f"`<dataset>/{name}`" in overview


@pytest.mark.parametrize("task", ["multilabel", "singlelabel"])
def test_the_leaderboard_is_described(sections: dict[str, str], tmp_path: Path, task: str) -> None:
    tables = build_tables(simulated(tmp_path, c=7, task=task), n_boot=5)
    found = list(tables.leaderboard.columns)
    for family in FAMILIES:
        found = [name.replace(family, "<family>") for name in found]
    found = list(dict.fromkeys(found))
    section, shared = sections["leaderboard.csv"], sections["What the tables share"]
    if task == "multilabel":
        assert listed(section) == found
        assert not unexplained(found, section, shared)
    else:
        written = told(section) | explained(shared)
        names = {re.sub(r"_(low|high)$", "", name) for name in found}
        assert names <= written, names - written
    metrics = set(tables.robustness["metric"])
    written = told(sections["robustness.csv"] + section)
    assert metrics <= written, metrics - written


def test_every_value_of_statistic_quantity_and_measure_is_explained(
    sections: dict[str, str],
) -> None:
    assert {*_OF_FAMILY, *_OVER_FAMILIES} == explained(sections["summary.csv"]) - {"statistic"}
    assert set(UNITS) < explained(sections["effects.csv"])
    assert explained(sections["consistency.csv"]) == set(measures(6))
    for name, unit in UNITS.items():
        assert f"| `{name}` | {unit} |" in sections["effects.csv"]


def test_published_scores_are_described(sections: dict[str, str]) -> None:
    with (RESULTS / "published.csv").open(encoding="utf-8", newline="") as lines:
        header = next(csv.reader(lines))
    assert listed(sections["published.csv"]) == header
    assert not unexplained(header, sections["published.csv"], sections["What the tables share"])
