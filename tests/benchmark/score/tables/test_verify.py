"""Verification of stored tables against recomputed ones."""

from __future__ import annotations

import pytest

from benchmark.score.tables.build import build_tables
from benchmark.score.tables.schema import all_tables
from benchmark.score.tables.verify import verify_tables
from benchmark.store.tables import write_tables
from tests.support.scored import FAILURE


def test_verify_confirms_what_was_written(three_models, tmp_path):
    cells, tables = three_models
    write_tables(tables, tmp_path)
    assert verify_tables(tmp_path, build_tables(cells, [FAILURE], n_boot=200)) == []


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("leaderboard.csv", "roc_auc"),
        ("robustness.csv", "value"),
        ("per_tag.csv", "roc_auc"),
        ("summary.csv", "value"),
        ("comparisons.csv", "p_beats"),
        ("ranks.csv", "kendall_tau"),
        ("consistency.csv", "value"),
    ],
)
def test_verify_finds_one_changed_digit(three_models, tmp_path, name, column):
    _, tables = three_models
    write_tables(tables, tmp_path)
    path = tmp_path / name
    lines = path.read_text().splitlines()
    at = lines[0].split(",").index(column)
    values = lines[2].split(",")
    original = values[at]
    values[at] = original[:-1] + str((int(original[-1]) + 1) % 10)
    path.write_text("\n".join([*lines[:2], ",".join(values), *lines[3:]]) + "\n")
    (difference,) = verify_tables(tmp_path, tables)
    assert difference.file == name
    assert difference.column == column
    assert (difference.stored, difference.recomputed) == (values[at], original)
    assert (
        values[lines[0].split(",").index(all_tables()[name.removesuffix(".csv")].keys[0])]
        in difference.row
    )


def test_verify_finds_rows_added_removed_reordered_and_files_missing(three_models, tmp_path):
    _, tables = three_models
    write_tables(tables, tmp_path)
    path = tmp_path / "leaderboard.csv"
    text = path.read_text()
    lines = text.splitlines(keepends=True)

    def differences(changed):
        path.write_text(changed)
        return [(d.row, d.column, d.stored) for d in verify_tables(tmp_path, tables)]

    assert differences("".join(lines[:1] + lines[2:])) == [("fcn", "row", "missing")]
    assert differences(text + lines[1]) == [("fcn again", "row", "present")]
    assert differences("".join([lines[0], *lines[:0:-1]])) == [("", "order", "other bytes")]
    assert differences(text.replace("\n", "\r\n"))
    assert differences(text.replace("rank_low", "rank_lo", 1))[0][1] == "columns"
    path.unlink()
    assert [d.column for d in verify_tables(tmp_path, tables)] == ["file"]
