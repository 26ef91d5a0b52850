"""The specification of the W&B report, compared with the report and with what was logged."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from benchmark.store import open_results
from benchmark.tracking import wandb_report
from benchmark.tracking.dashboard import Dashboard, dashboard
from datamodules.common.errors import TagbenchError
from tests.support.bench import Bench
from tests.support.command_line import call
from tests.support.wandb_files import offline_runs


@pytest.fixture(scope="module")
def content(finished_sweep: Bench) -> Dashboard:
    return dashboard(open_results(finished_sweep.results)["folder"])


def test_groups_are_those_of_the_html_report(finished_sweep: Bench, content: Dashboard):
    page = (finished_sweep.results / "folder" / "report" / "index.html").read_text()
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    groups = [group.title for group in content.groups]
    assert {"Leaderboard", "Degradation", "Families by severity", "Provenance"} <= set(groups)
    assert [title for title in headings if title in groups] == [
        title for title in groups if title in headings
    ]
    assert set(groups) - set(headings) <= {"Training", "Failures"}


def test_panels_name_what_was_logged(finished_sweep: Bench, content: Dashboard):
    runs = offline_runs(finished_sweep.results)
    assert {run["run_id"] for run in runs} == set(content.runs.values())
    assert {run["group"] for run in runs} == {content.sweep}
    kinds = set()
    for panel in (panel for group in content.groups for panel in group.panels):
        kinds.add(panel.kind)
        read = [run for run in runs if run["job_type"] == panel.job_type]
        source = "summary" if panel.kind in ("bars", "scatter") else "history"
        logged = {name for run in read for name in run[source]}
        suffix = "_table" if panel.kind == "chart" else ""
        assert {f"{name}{suffix}" for name in panel.names} <= logged, panel
    assert kinds == {"table", "chart", "pictures", "bars", "scatter", "lines", "runs"}
    board = next(run for run in runs if run["job_type"] == "leaderboard")
    shown = {name for group in content.groups for panel in group.panels for name in panel.names}
    own = {"_step", "_runtime", "_timestamp", "_wandb"}
    assert {name.removesuffix("_table") for name in board["history"]} - own <= shown


def test_report_and_workspace_are_made_without_a_network(
    content: Dashboard, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*rest: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for made in (
        wandb_report.report(content, "tagbench", ""),
        wandb_report.workspace(content, "tagbench", "someone"),
    ):
        text = made._to_model().spec.model_dump_json(by_alias=True, exclude_none=True)
        assert content.sweep in text
        for group in content.groups:
            assert json.dumps(group.title) in text
            for panel in group.panels:
                assert all(json.dumps(name)[1:-1] in text for name in panel.names), panel
        assert "curves/white_noise_table" in text
        assert "manifest sha256" in text


def test_specification_is_the_same_each_time(finished_sweep: Bench, tmp_path: Path):
    written = []
    for name in ("a.json", "b.json"):
        folder = ("--dataset", "folder", "--results", str(finished_sweep.results))
        done = call("wandb-report", *folder, "--out", str(tmp_path / name), "--dry-run")
        assert done.returncode == 0, done.stderr
        assert "  Degradation: chart curves/" in done.stdout
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert json.loads(written[0])["dataset"] == "folder"


def test_without_a_key_or_the_package_one_line_says_what_to_do(
    content: Dashboard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("WANDB_MODE", "WANDB_API_KEY", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(TagbenchError, match="wandb login"):
        wandb_report.create(content, "tagbench")
    monkeypatch.setattr(wandb_report, "find_spec", lambda name: None)
    with pytest.raises(TagbenchError, match=r"tagbench\[dashboards\]"):
        wandb_report.create(content, "tagbench")
