"""A sweep over a model whose input is a file of vectors, which perturbations do not reach."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.report.data import ReportData
from benchmark.report.figures.draw import Drawn
from benchmark.report.latex import tables_tex
from benchmark.report.sections import leaderboard
from benchmark.store.tables import read_tables
from datamodules.views.vector_file import write_vectors
from tests.support.bench import Bench

MODEL = """
class: lightning_modules.architectures.mood_mlp.MoodMlp
params: {{units: 8, views: [{{name: track_vectors, path: {path}}}]}}
"""


def arguments(bench: Bench) -> list[str]:
    models = f"tag_prior,{bench.root / 'listening.yaml'}"
    return bench.run_arguments(models, "--perturbations", "white_noise")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    root = tmp_path_factory.mktemp("vectors")
    bench = Bench(root, "results")
    ids = [f"{index:03d}.wav" for index in range(20)]
    write_vectors(root / "vectors.parquet", ids, np.eye(20, 5, dtype=np.float32))
    model = root / "listening.yaml"
    model.write_text(MODEL.format(path=root / "vectors.parquet"), encoding="utf-8")
    done = bench.call(arguments(bench), report=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "n/a: not applicable, the input of the model is not audio." in done.stdout
    return bench


def test_it_is_evaluated_without_perturbations_and_tables_say_why(bench: Bench):
    folder = bench.results / "folder"
    board = pd.read_csv(folder / "leaderboard.csv").set_index("model")
    reasons = board["perturbations"]
    assert reasons["listening"] == "not applicable: its input is not audio"
    assert pd.isna(reasons["tag_prior"])
    assert board["roc_auc"].notna().all()
    assert pd.isna(board.loc["listening", "white_noise_drop"])
    rows = pd.read_csv(folder / "robustness.csv").groupby("model")["perturbation"].unique()
    assert {name: set(found) for name, found in rows.items()} == {
        "listening": {"clean"},
        "tag_prior": {"clean", "white_noise"},
    }
    assert pd.read_csv(folder / "failures.csv").empty
    tables = read_tables(folder)
    assert tables_tex(tables).count("n/a") == 2  # in a cell and in the caption
    section = leaderboard.SECTION.build(ReportData(tables, folder, Drawn({}, {}), {}, "", False))
    assert section is not None
    assert section["without_audio"] == ["listening"]
    drops = {row["model"]: set(row["drop_texts"].values()) for row in section["rows"]}
    assert drops == {"listening": {"n/a"}, "tag_prior": {"0.000"}}


def test_status_and_verify_and_a_dry_run_agree(bench: Bench):
    status = bench.call(bench.arguments("status")).stdout
    (row,) = [line for line in status.splitlines() if "listening" in line]
    assert row.count("1/1") == 2
    verified = bench.call(bench.arguments("verify"))
    assert verified.returncode == 0, verified.stdout
    dry = bench.call([*arguments(bench), "--dry-run"]).stdout
    assert "2 training cells, 3 evaluation cells" in dry


def test_other_vectors_are_another_model_and_lacking_ones_are_refused(bench: Bench):
    file, vectors = bench.root / "vectors.parquet", np.eye(20, 5, dtype=np.float32)
    ids = [f"{index:03d}.wav" for index in range(20)]
    write_vectors(file, ids, 2 * vectors)
    dry = bench.call([*arguments(bench), "--dry-run"]).stdout
    (row,) = [line for line in dry.splitlines() if "listening" in line]
    assert row.count("0/1") == 2
    write_vectors(file, ids[3:], vectors[3:])
    refused = bench.call(arguments(bench))
    assert refused.returncode == 2
    words = " ".join(refused.stderr.split())
    assert "no vector for 3 of 20 tracks, such as 000.wav, 001.wav, 002.wav" in words
