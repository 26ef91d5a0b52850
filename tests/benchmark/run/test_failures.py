"""An error in a model, or the death of its process, marks only its cells as failed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.support.bench import Bench


def test_a_failing_model_costs_only_itself(finished_sweep: Bench, tmp_path: Path) -> None:
    names = {"raises": "Raises", "dies": "Dies"}
    for name, cls in names.items():
        (tmp_path / f"{name}.yaml").write_text(f"class: tests.support.broken_models.{cls}\n")
    other = Bench(finished_sweep.root, "failing")
    models = ",".join(["tag_prior", *(str(tmp_path / f"{name}.yaml") for name in names)])
    done = other.call(other.run_arguments(models))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed cells" in done.stdout
    failures = pd.read_csv(other.results / "folder" / "failures.csv").set_index("model")
    assert "this model cannot be trained" in failures.loc["raises", "error"]
    assert "code -9" in failures.loc["dies", "error"]
    board = pd.read_csv(other.results / "folder" / "leaderboard.csv").set_index("model")
    assert board.loc["tag_prior", "roc_auc"] == pytest.approx(0.5)
