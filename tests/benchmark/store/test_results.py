"""Results as typed data, and where decoded samples differ."""

from __future__ import annotations

from pathlib import Path

from benchmark.score.tables.build import build_tables
from benchmark.score.tables.diff import compare
from benchmark.store.files import write_json
from benchmark.store.merge import samples_differ
from benchmark.store.run_record import RunRecord
from benchmark.store.tables import are_current, read_tables, write_tables
from tests.support.scored import simulated


def record(digest: str) -> RunRecord:
    return RunRecord("synth", {"samples_digest": digest}, {}, ())


def test_merge_names_decoded_samples_that_differ() -> None:
    assert "aaa against bbb" in samples_differ(record("aaa"), record("bbb"))
    assert samples_differ(record("aaa"), record("aaa")) == ""
    assert samples_differ(record(""), record("bbb")) == ""  # an older corpus has no digest


def test_compare_names_decoded_samples_that_differ(tmp_path: Path) -> None:
    tables = build_tables(simulated(tmp_path, ["fcn"]), n_boot=5)
    for name in ("aaa", "bbb"):
        write_tables(tables, tmp_path / name)
        write_json(tmp_path / name / "sweep.json", {"info": {"samples_digest": name}})
    (found,) = compare(tmp_path / "aaa", tmp_path / "bbb")
    assert found.same
    assert "decoded samples differ: aaa against bbb" in found.notes


def test_tables_are_current_until_a_file_or_an_input_changes(tmp_path: Path) -> None:
    tables = build_tables(simulated(tmp_path, ["fcn"]), n_boot=5)
    folder = tmp_path / "synth"
    write_tables(tables, folder, inputs="one")
    assert are_current(folder, "one")
    assert not are_current(folder, "two")
    assert read_tables(folder).task == "multilabel"
    (folder / "ranks.csv").write_text("edited")
    assert not are_current(folder, "one")
