"""Record of a dataset: what a new run does to an older one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.store import run_record
from benchmark.store.files import read_json, write_json
from benchmark.store.plans import Plan
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError


def test_a_record_of_an_older_format_is_replaced_by_the_next_run(tmp_path: Path) -> None:
    store, plan = Store(tmp_path), Plan("synth", "tiny", (), (), contract="{}")
    assert run_record.record(plan, {}, {}, store)[1] == ""
    assert run_record.record(plan, {"fcn": {"n_params": 1.0}}, {}, store)[1] == ""
    path = tmp_path / "synth" / "sweep.json"
    write_json(path, {**read_json(path), "format": 1})
    with pytest.raises(TagbenchError, match="Run the benchmark again"):
        run_record.load("synth", store)
    record, reason = run_record.record(plan, {}, {}, store)
    assert reason == "written by another version of tagbench"
    assert record.models == {}
    assert run_record.load("synth", store) == record
