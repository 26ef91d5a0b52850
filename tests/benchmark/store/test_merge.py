"""Two results folders with parts of a sweep merge into the tables of the whole sweep."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.report import pipeline
from benchmark.report.terminal import verify
from benchmark.store import merge as merging
from benchmark.store import run_record
from benchmark.store.files import read_json, write_json
from benchmark.store.merge import merge
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from tests.support.sweep_parts import SweepParts

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> SweepParts:
    return SweepParts(tmp_path_factory.mktemp("merge"))


@pytest.fixture(scope="module")
def whole(parts: SweepParts) -> Store:
    return parts.run("whole", ["tag_prior", "musicnn"], ["gain", "white_noise"])


@pytest.fixture(scope="module")
def halves(parts: SweepParts) -> tuple[Store, Store]:
    """Two sweeps with the same models and clean audio; each has one perturbation."""
    first = parts.run("first", ["tag_prior", "musicnn"], ["gain"])
    second = parts.run("second", ["tag_prior", "musicnn"], ["white_noise"])
    return first, second


def csvs(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (store.results / "folder").glob("*.csv")}


def copied(store: Store, folder: Path) -> Store:
    return Store(Path(shutil.copytree(store.results, folder)))


def contents(store: Store) -> dict[str, bytes]:
    """Return the content of every file of the cells that are done, by path."""
    return {
        str(path.relative_to(store.cells)): path.read_bytes()
        for folder in store.cells.glob("*")
        if store.state(folder.name) == "done"
        for path in (folder / n for n in ("metrics.json", *store.metrics(folder.name)["files"]))
    }


def test_halves_merge_into_the_bytes_of_the_whole(
    whole: Store, halves: tuple[Store, Store], tmp_path: Path
):
    target = Store(tmp_path / "results")
    command = ["merge", *(str(half.results) for half in halves), "--results", str(target.results)]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert csvs(target) == csvs(whole)
    record = "folder/sweep.json"
    assert (target.results / record).read_bytes() == (whole.results / record).read_bytes()
    assert verify(run_record.load("folder", target), target, QUIET)
    before = {path: path.stat().st_mtime_ns for path in target.cells.rglob("*")}
    again = CliRunner().invoke(app, command, catch_exceptions=False)
    assert "already present" in again.output
    assert "copied" not in again.output.split("Tables")[0]
    assert {path: path.stat().st_mtime_ns for path in target.cells.rglob("*")} == before
    assert csvs(target) == csvs(whole)


def test_one_half_merges_into_the_other(whole: Store, halves: tuple[Store, Store], tmp_path: Path):
    target, before = copied(halves[1], tmp_path / "results"), csvs(halves[0])
    with target.lock():
        for item in merge([halves[0]], target, QUIET):
            pipeline.write_results(item, target, QUIET, report=False)
    assert csvs(target) == csvs(whole)
    assert csvs(halves[0]) == before


def test_an_interrupted_merge_leaves_complete_cells(
    halves: tuple[Store, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    reference = Store(tmp_path / "reference")
    merge(halves, reference, QUIET)
    expected, replace, renames = contents(reference), Path.replace, 0
    assert len(expected) > 8
    while True:
        target, left = Store(tmp_path / f"killed-{renames}"), [renames]

        def stop(path: Path, to: Any, left: list[int] = left) -> Path:
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            return replace(path, to)

        monkeypatch.setattr(Path, "replace", stop)
        try:
            merge(halves, target, QUIET)
        except KeyboardInterrupt:
            renames += 4  # a cell takes three, so each of its steps is interrupted
        else:
            break
        finally:
            monkeypatch.undo()
        copied_files = contents(target)
        assert copied_files.items() <= expected.items()
        assert run_record.datasets(target) == []
        merge(halves, target, QUIET)
        assert contents(target) == expected
        assert not list(target.results.rglob("*.part"))
    assert renames > len(expected)


def change(store: Store, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the record of a copied folder."""
    path = store.results / "folder" / "sweep.json"
    content = read_json(path)
    edit(content)
    write_json(path, content)


CONTRACTS = [
    ("split", lambda c: c["inputs"].update(split="0" * 64), "split (sha256): "),
    ("corpus", lambda c: c["inputs"].update(manifest="0" * 64), "corpus (manifest sha256): "),
    ("tags", lambda c: c["inputs"].update(tags="0" * 64), "tags (sha256): "),
    ("windows", lambda c: c["windows"].update(max_windows=9), "windows.max_windows: 1 against 9"),
    ("recipe", lambda c: c["recipe"].update(epochs=7), "recipe.epochs: 1 against 7"),
    ("n_boot", lambda c: c.update(n_boot=1000), "(n_boot): 100 against 1000"),
]


@pytest.mark.parametrize(
    ("edit", "message"), [c[1:] for c in CONTRACTS], ids=[c[0] for c in CONTRACTS]
)
def test_another_contract_is_refused(
    halves: tuple[Store, Store], tmp_path: Path, edit: Callable[[Any], None], message: str
):
    other = copied(halves[1], tmp_path / "other")

    def edit_contract(content: dict[str, Any]) -> None:
        contract = json.loads(content["info"]["contract"])
        edit(contract)
        content["info"]["contract"] = json.dumps(contract)

    change(other, edit_contract)
    target = Store(tmp_path / "results")
    with pytest.raises(TagbenchError) as refused:
        merge([halves[0], other], target, QUIET)
    assert message in str(refused.value)
    assert not target.cells.exists()


def test_two_cells_with_one_id_are_refused(halves: tuple[Store, Store], tmp_path: Path):
    other, target = copied(halves[1], tmp_path / "other"), copied(halves[0], tmp_path / "results")

    def swap(content: dict[str, Any]) -> None:
        trained = [cell for cell in content["cells"] if cell["kind"] == "train"]
        trained[0]["id"], trained[1]["id"] = trained[1]["id"], trained[0]["id"]

    change(other, swap)
    with pytest.raises(TagbenchError, match=r"have the same name and differ in architecture\."):
        merge([other], target, QUIET)


def test_another_series_of_versions_is_refused(halves: tuple[Store, Store], tmp_path: Path):
    other, target = copied(halves[1], tmp_path / "other"), copied(halves[0], tmp_path / "results")
    for path in other.cells.glob("*/metrics.json"):
        metrics = read_json(path)
        metrics["provenance"]["tagbench"] = "7.0.0"
        write_json(path, metrics)
    with pytest.raises(TagbenchError, match=r"made by tagbench 0\.\d+, those in .* by 7"):
        merge([other], target, QUIET)


def test_an_edited_configuration_is_refused(halves: tuple[Store, Store], tmp_path: Path):
    for kind, target in (
        ("edited there", Store(tmp_path / "empty")),
        ("edited here", copied(halves[0], tmp_path / "results")),
    ):
        other = copied(halves[1], tmp_path / f"other {kind}")
        (first,) = [c["id"] for c in run_record.load("folder", other).of_kind("train")][:1]
        edited = (other if kind == "edited there" else target).folder(first) / "cell.json"
        document = read_json(edited)
        document["preimage"]["seed"] = 99
        write_json(edited, document)
        with pytest.raises(TagbenchError, match="was edited"):
            merge([other], target, QUIET)


def test_a_damaged_file_is_not_copied(
    halves: tuple[Store, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    other, target = copied(halves[1], tmp_path / "other"), Store(tmp_path / "results")
    cells = run_record.load("folder", other).of_kind("evaluation")
    damaged = cells[0]["id"]
    path = other.folder(damaged) / "predictions.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    merge([other], target, QUIET)
    assert target.state(damaged) == "pending"
    assert target.state(cells[1]["id"]) == "done"
    # Damaged after the check and before the copy.
    with pytest.raises(TagbenchError, match="does not match the digest"):
        merging.copy_cell(damaged, other, target)
    assert not list(target.folder(damaged).glob(".*.part"))


def test_evaluations_of_other_weights_are_not_copied(halves: tuple[Store, Store], tmp_path: Path):
    other, target = copied(halves[1], tmp_path / "other"), copied(halves[0], tmp_path / "results")
    (trained,) = [
        cell["id"]
        for cell in run_record.load("folder", other).of_kind("train")
        if cell["labels"]["model"] == "musicnn"
    ]
    weights = other.folder(trained) / "best.ckpt"
    weights.write_bytes(weights.read_bytes() + b"other")
    other.finish(trained, other.metrics(trained), ["best.ckpt"])
    (merged,) = merge([other], target, QUIET)
    states = {
        (cell["labels"]["model"], cell["labels"]["perturbation"]): target.state(cell["id"])
        for cell in merged.of_kind("evaluation")
    }
    assert states.pop(("musicnn", "white_noise")) == "pending"
    assert set(states.values()) == {"done"}


def test_failures_are_copied(halves: tuple[Store, Store], tmp_path: Path):
    other, target = copied(halves[1], tmp_path / "other"), copied(halves[0], tmp_path / "results")
    (failed,) = [
        cell["id"]
        for cell in run_record.load("folder", other).of_kind("evaluation")
        if cell["labels"]["model"] == "musicnn" and cell["labels"]["perturbation"] == "white_noise"
    ]
    (other.folder(failed) / "metrics.json").unlink()
    other.fail(failed, "evaluate", "killed")
    (merged,) = merge([other], target, QUIET)
    (failure,) = run_record.failures(merged, target)
    assert (failure.model, failure.cell_id) == ("musicnn", failed)


def test_a_folder_that_is_not_another_results_folder_is_refused(
    halves: tuple[Store, Store], tmp_path: Path
):
    with pytest.raises(TagbenchError, match="the folder to merge into"):
        merge([halves[0]], halves[0], QUIET)
    with pytest.raises(TagbenchError, match="Name a folder that tagbench run"):
        merge([Store(halves[0].results / "folder")], halves[1], QUIET)
