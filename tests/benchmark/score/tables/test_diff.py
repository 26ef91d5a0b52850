"""Differences of result tables, refused comparisons, and exit codes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.score.tables.build import build_tables
from benchmark.score.tables.diff import compare
from benchmark.store.provenance import compatible_version
from benchmark.store.tables import write_tables
from datamodules.common.errors import TagbenchError
from tests.support.scored import simulated


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a dataset with three models."""
    root = tmp_path_factory.mktemp("old")
    write_tables(build_tables(simulated(root, n=40, c=3), n_boot=50), root / "synth")
    return root / "synth"


@pytest.fixture
def new(old: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(old, tmp_path / "results" / "synth"))


def edit(path: Path, rows: str, **values: object) -> None:
    """Set columns of the rows of a model, leaving all other text as it is."""
    frame = pd.read_csv(path, dtype="string", keep_default_na=False)
    for column, value in values.items():
        frame.loc[frame["model"].str.fullmatch(rows), column] = str(value)
    frame.to_csv(path, index=False, lineterminator="\n")


def call(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["compare", *map(str, arguments)])
    if isinstance(done.exception, TagbenchError):
        return 2, str(done.exception)
    return done.exit_code, " ".join(done.output.split())


def score(folder: Path, model: str, column: str) -> float:
    frame = pd.read_csv(folder / "leaderboard.csv").set_index("model")
    return float(frame.loc[model, column])


def test_the_same_tables_are_the_same(old: Path, new: Path):
    code, shown = call(old, new)
    assert code == 0
    assert "no differences" in shown
    assert call(old / "leaderboard.csv", new / "leaderboard.csv")[0] == 0
    assert call(old.parent, new.parent)[0] == 0


def test_a_changed_score_is_shown_with_its_interval(old: Path, new: Path):
    low, value = score(old, "musicnn", "roc_auc_low"), score(old, "musicnn", "roc_auc")
    edit(new / "leaderboard.csv", "musicnn", roc_auc=f"{value - 0.000001:.6f}", pr_auc=0.001)
    (diff,) = compare(old, new)
    changes = {change.column: change for change in diff.changes}
    assert changes.keys() == {"roc_auc", "pr_auc"}
    assert low < value - 0.000001
    assert changes["roc_auc"].inside is True
    assert changes["roc_auc"].difference == pytest.approx(-0.000001, abs=1e-9)
    assert changes["pr_auc"].inside is False
    assert changes["pr_auc"].row == "musicnn"
    code, shown = call(old, new)
    assert code == 1
    assert "2 values differ, 1 of them outside the old interval" in shown
    assert "-0.000001" in shown


def test_an_interval_alone_may_change(old: Path, new: Path):
    edit(new / "leaderboard.csv", "musicnn", roc_auc_low="0.500000")
    (diff,) = compare(old, new)
    (change,) = diff.changes
    assert (change.column, change.difference, change.inside) == ("roc_auc", 0.0, True)


def test_a_changed_condition_is_found_in_robustness(old: Path, new: Path):
    path = new / "robustness.csv"
    frame = pd.read_csv(path, dtype="string", keep_default_na=False)
    at = frame.index[(frame["model"] == "fcn") & (frame["perturbation"] == "white_noise")][0]
    frame.loc[at, ["value", "drop"]] = ["0.100000", ""]
    frame.to_csv(path, index=False, lineterminator="\n")
    (diff,) = compare(old, new)
    changes = {change.column: change for change in diff.changes}
    assert changes.keys() == {"value", "drop"}
    assert "fcn suite white_noise" in changes["value"].row
    assert changes["drop"].new is None
    assert changes["drop"].difference is None


def test_models_and_ranks(old: Path, tmp_path: Path):
    folder = tmp_path / "synth"
    cells = simulated(tmp_path, ("musicnn", "tag_prior", "crnn"), n=40, c=3)
    write_tables(build_tables(cells, n_boot=50), folder)
    (diff,) = compare(old, folder)
    assert ("model", "fcn") in diff.removed
    assert ("model", "crnn") in diff.added
    # Rows of a removed model are not listed one by one.
    assert {what for what, _ in (*diff.removed, *diff.added)} == {"model"}
    ranks = {model: (before, after) for model, before, after in diff.ranks}
    assert ranks["musicnn"] == (2, 1)
    code, shown = call(old, folder)
    assert code == 1
    assert "rank of musicnn: 2 -> 1" in shown


def test_rows_and_columns_of_one_side(old: Path, new: Path):
    path = new / "robustness.csv"
    frame = pd.read_csv(path, dtype="string", keep_default_na=False)
    frame[frame["perturbation"] != "white_noise"].to_csv(path, index=False)
    board = pd.read_csv(new / "leaderboard.csv", dtype="string", keep_default_na=False)
    board.drop(columns="white_noise_drop").to_csv(new / "leaderboard.csv", index=False)
    (diff,) = compare(old, new)
    assert ("column", "leaderboard.csv: white_noise_drop") in diff.removed
    rows = [name for what, name in diff.removed if what == "row"]
    assert len(rows) > 0
    assert all("white_noise" in name for name in rows)
    assert not diff.added


MIXTURES = [
    ({"split_digest": "ee" * 6}, "split 'cdcdcdcdcdcd' against 'eeeeeeeeeeee'"),
    ({"manifest_digest": "ee" * 6}, "prepared audio 'abababababab' against"),
    ({"windows": "won2020"}, "windows 'tiled' against 'won2020'"),
    ({"protocol": "won2020"}, "perturbation protocol 'suite' against 'won2020'"),
    ({"version": "2.0.0"}, "series of tagbench versions '1' against '2'"),
]


@pytest.mark.parametrize(("values", "message"), MIXTURES, ids=[next(iter(v)) for v, _ in MIXTURES])
def test_a_mixture_is_refused_unless_forced(
    old: Path, new: Path, values: dict[str, str], message: str
):
    edit(new / "leaderboard.csv", ".*", **values)
    code, shown = call(old, new)
    assert code == 2
    assert message in shown
    code, shown = call(old, new, "--force")
    assert code == 0
    assert (
        f"Compared because of --force, although not comparable: {message.split(' against')[0]}"
        in shown
    )


def test_another_dataset_is_refused(old: Path, new: Path):
    path = new / "robustness.csv"
    frame = pd.read_csv(path, dtype="string", keep_default_na=False)
    frame.assign(dataset="mtat").to_csv(path, index=False)
    with pytest.raises(TagbenchError, match="dataset 'synth' against 'mtat'"):
        compare(old / "robustness.csv", path)


def test_a_minor_version_and_a_preset_are_notes(old: Path, new: Path):
    edit(new / "leaderboard.csv", ".*", version="1.9.0", preset="standard")
    code, shown = call(old, new)
    assert code == 0
    assert "preset 'quick' against 'standard'" in shown


def test_series():
    assert compatible_version("0.1.0") == compatible_version("0.1.7") != compatible_version("0.2.0")
    assert compatible_version("1.0.0") == compatible_version("1.9.2") != compatible_version("2.0.0")


def test_a_file_alone_says_what_it_does_not_know(old: Path, tmp_path: Path):
    alone = Path(shutil.copy(old / "robustness.csv", tmp_path / "A.csv"))
    (diff,) = compare(alone, old / "robustness.csv")
    assert diff.same
    assert "A.csv does not state its prepared audio, split" in " ".join(diff.notes)


def test_datasets_of_one_folder_alone(old: Path, new: Path):
    shutil.copytree(new, new.parent / "mtat")
    found = compare(old.parent, new.parent)
    assert [one.same for one in found] == [True, False]
    assert found[1].added == (("dataset", "mtat"),)


def test_what_cannot_be_compared(old: Path, new: Path, tmp_path: Path):
    with pytest.raises(TagbenchError, match="two files of the same table"):
        compare(old / "leaderboard.csv", new / "robustness.csv")
    with pytest.raises(TagbenchError, match="neither"):
        compare(old / "per_tag.csv", new / "per_tag.csv")
    with pytest.raises(TagbenchError, match=r"holds datasets \(synth\)"):
        compare(old, new.parent)
    with pytest.raises(TagbenchError, match=r"no leaderboard\.csv in"):
        compare(tmp_path / "nowhere", new)


def test_long_lists_are_cut_and_told(old: Path, new: Path):
    edit(new / "robustness.csv", ".*", value="0.123456")
    shown, whole = call(old, new)[1], call(old, new, "--all")[1]
    assert "the 20 largest changes" in shown
    assert shown.count("0.123456") == 20
    assert whole.count("0.123456") > 40
