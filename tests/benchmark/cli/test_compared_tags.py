"""Checkpoints with different tags on one labelled folder, through the command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.metrics import roc_auc_score

from benchmark.catalog.readme_scores import elsewhere_rows
from benchmark.report.data import ReportData
from benchmark.report.figures.draw import Drawn
from benchmark.report.html import environment
from benchmark.report.latex import tables_tex
from benchmark.report.sections import compared_tags
from benchmark.store.predictions import load_predictions
from benchmark.store.run_record import load
from benchmark.store.store import Store
from benchmark.store.tables import read_tables
from tests.support import level_model, music
from tests.support.command_line import Finished, call

CORPUS = ("high", "hip hop", "low", "noisy", "organ", "voice")
SHARED = ["high", "hip hop", "low", "noisy"]
CHECKPOINTS = {
    "complete": ("voice", "organ", "noisy", "low", "high", "hip hop", "brass"),
    "respelled": ("low", "Hip-Hop", "noisy", "high", "vocal", "vocals", "organ"),
    "small": ("noisy", "hiphop", "high", "low"),
}
PRESET = """
recipe: {name: tiny, epochs: 1, batch_size: 2, lr: 1e-3, schedule: constant}
windows: {protocol: tiled, max_windows: 2}
perturbations: [white_noise]
severities: [3]
n_boot: 100
"""


@dataclass
class Folder:
    """A labelled folder, checkpoints, and the results of runs."""

    root: Path

    def run(self, checkpoints: str, *more: str, results: str = "results") -> Finished:
        folders = ",".join(str(self.root / name) for name in checkpoints.split(","))
        return call(
            "run", "--dataset", "folder", "--data", str(self.root / "music"),
            "--checkpoints", folders, "--preset", str(self.root / "tiny.yaml"),
            "--data-root", str(self.root / "data"), "--results", str(self.root / results),
            "--workers", "0", "--wandb", "disabled", *more, report="--report" in more,
        )  # fmt: skip

    def table(self, name: str, results: str = "results") -> pd.DataFrame:
        return pd.read_csv(self.root / results / "folder" / f"{name}.csv")


def words(finished: Finished) -> str:
    return " ".join(finished.stdout.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    root = tmp_path_factory.mktemp("compared")
    (root / "music").mkdir()
    rng = np.random.RandomState(1)
    rows = ["path,tags,split,artist"]
    for index in range(12):
        audio = music.tone(index, 1.0) + 0.02 * np.cos(index)  # a mean that the model can see
        soundfile.write(root / "music" / f"{index:02d}.wav", audio, music.RATE)
        split = "train" if index < 2 else "valid" if index < 4 else "test"
        tags = CORPUS if split != "test" else [tag for tag in CORPUS if rng.rand() < 0.5]
        rows.append(f"{index:02d}.wav,{'|'.join(tags)},{split},artist{index}")
    (root / "music" / "tags.csv").write_text("\n".join(rows) + "\n")
    (root / "tiny.yaml").write_text(PRESET)
    for name, tags in CHECKPOINTS.items():
        level_model.checkpoint(root / name, tags)
    return Folder(root)


@pytest.fixture(scope="module")
def runs(folder: Folder) -> tuple[Finished, Finished]:
    """A checkpoint that knows every tag, then all three and a trained model in the same folder."""
    alone = folder.run("complete")
    shutil.copytree(folder.root / "results", folder.root / "alone")
    together = folder.run("complete,respelled,small", "--models", "tag_prior")
    assert alone.returncode == together.returncode == 0, alone.stderr + together.stderr
    return alone, together


def test_a_run_says_what_is_compared_and_evaluates_no_model_again(
    folder: Folder, runs: tuple[Finished, Finished]
) -> None:
    alone, together = map(words, runs)
    assert "compared on" not in alone
    assert "compared on the 4 of 6 tags that all models predict" in together
    assert "trained elsewhere: complete, respelled, small on mine" in together
    assert "organ (small); voice (respelled, small)" in together
    assert "Hip-Hop for hip hop (spelling; respelled)" in together
    assert "hiphop for hip hop (alias; small)" in together
    assert "compared on other tags (all then, 4 now; run all models together" in together
    # The import and both evaluations of the first run are kept.
    assert "12 cells, 3 done, 9 to do" in together
    assert "compared on the 4 of 6 tags" in words(folder.run("complete,small", "--dry-run"))


def test_the_contract_and_the_record_state_the_tags(
    folder: Folder, runs: tuple[Finished, Finished]
) -> None:
    record = load("folder", Store(folder.root / "results"))
    assert json.loads(record.info["contract"])["tags"] == SHARED
    assert record.info["n_tags"] == len(SHARED)
    evaluations = [
        cell for cell in record.of_kind("evaluation") if cell["labels"]["model"] == "small"
    ]
    cell = Store(folder.root / "results").read(evaluations[0]["id"])
    assert cell["preimage"]["aliases"] == {"hip hop": "hiphop"}


def test_tables_list_what_is_left_out_and_why(
    folder: Folder, runs: tuple[Finished, Finished]
) -> None:
    left_out = folder.table("left_out_tags").set_index(["tag", "tag_of", "model"])["reason"]
    assert left_out.to_dict() == {
        ("organ", "corpus", "small"): "not predicted",
        ("voice", "corpus", "respelled"): "ambiguous: may be vocal or vocals",
        ("voice", "corpus", "small"): "not predicted",
        ("brass", "model", "complete"): "not in the corpus",
        ("vocal", "model", "respelled"): "ambiguous: may be voice, which has other matches too",
        ("vocals", "model", "respelled"): "ambiguous: may be voice, which has other matches too",
    }
    aliases = folder.table("tag_aliases")
    assert aliases.to_dict("records") == [
        {
            "tag": "hip hop", "model": name, "trained_on": "mine", "model_tag": tag, "rule": rule,
        }
        for name, tag, rule in (
            ("respelled", "Hip-Hop", "spelling"), ("small", "hiphop", "alias"),
        )
    ]  # fmt: skip
    board = folder.table("leaderboard")
    assert board["trained_on"].isna().tolist() == (board["model"] == "tag_prior").tolist()
    assert set(board["trained_on"].dropna()) == {"mine"}
    assert board["tag_set"].notna().all()
    assert board["tag_set"].nunique() == 1
    parameters = board.set_index("model")["n_params"]
    for name, tags in CHECKPOINTS.items():
        assert parameters[name] == len(tags)
    assert set(folder.table("per_tag")["tag"]) == set(SHARED)


def test_the_report_has_a_section_on_them(folder: Folder, runs: tuple[Finished, Finished]) -> None:
    place = folder.root / "results" / "folder"
    data = ReportData(read_tables(place), place, Drawn(), {}, "", cites_models=False)
    variables = compared_tags.SECTION.build(data)
    assert variables is not None
    macros = environment().get_template("macros.html.jinja").module
    template = environment().from_string(compared_tags.SECTION.template)
    text = template.render(variables, data=data, m=macros)
    assert "over the 4 of 6 tags that all models know" in tables_tex(data.tables)
    assert "the 4 tags that each of them and the dataset have, out of 6 tags" in text
    assert "ambiguous: may be vocal or vocals" in text
    assert "complete on mine, " in text
    assert "complete, not in the corpus: brass" in text
    assert data.n_left_out == 2


def test_pages_show_the_rows_of_imported_models(
    folder: Folder, runs: tuple[Finished, Finished], tmp_path: Path
) -> None:
    shutil.copytree(folder.root / "results" / "folder", tmp_path / "synth")
    rows = {row[0]: row[1:] for row in elsewhere_rows(tmp_path)}
    board = folder.table("leaderboard").set_index("model")
    assert rows.keys() == CHECKPOINTS.keys()
    assert rows["small"][:2] == ("`mine`", "4 of 6")
    assert rows["small"][2].startswith(f"{board.loc['small', 'roc_auc']:.3f} [")


def test_scores_on_the_shared_tags_equal_scikit_learn(
    folder: Folder, runs: tuple[Finished, Finished]
) -> None:
    store = Store(folder.root / "results")
    board = folder.table("leaderboard").set_index("model")
    for cell in load("folder", store).of_kind("evaluation"):
        if cell["labels"]["perturbation"] != "clean":
            continue
        model = cell["labels"]["model"]
        stored = load_predictions(store.folder(cell["id"]) / "predictions.npz")
        names = stored.tags.tolist()
        own = {"small": set(SHARED), "respelled": {*SHARED, "organ"}}
        assert names == [tag for tag in CORPUS if tag in own.get(model, CORPUS)]
        at = [names.index(tag) for tag in SHARED]
        valid = [c for c in at if 0 < stored.targets[:, c].sum() < len(stored.targets)]
        assert len(valid) == board.loc[model, "n_valid_tags"] > 2
        expected = roc_auc_score(stored.targets[:, valid], stored.scores[:, valid])
        assert board.loc[model, "roc_auc"] == pytest.approx(expected, abs=1e-6)


def test_other_commands_read_such_results(folder: Folder, runs: tuple[Finished, Finished]) -> None:
    results = str(folder.root / "results")
    before = (folder.root / "results" / "folder" / "leaderboard.csv").read_bytes()
    for command in ("verify", "status", "leaderboard"):
        done = call(command, "--results", results)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (folder.root / "results" / "folder" / "leaderboard.csv").read_bytes() == before
    assert "left_out_tags.csv" in done.stdout
    assert "compared on the 4 of 6 tags" in words(done)
    # The same models on all tags, and on the shared ones: tables that must not be compared.
    assert set(folder.table("left_out_tags", "alone")["tag_of"]) == {"model"}
    other = call("compare", str(folder.root / "alone"), results)
    assert other.returncode != 0
    assert "compared tags 'all of the corpus' against" in words(
        Finished(0, other.stdout + other.stderr, "")
    )


def test_too_few_shared_tags_name_both_lists(folder: Folder) -> None:
    level_model.checkpoint(folder.root / "stranger", ("low", "cello"))
    done = folder.run("stranger", results="stranger_results")
    assert done.returncode == 2
    text = " ".join(done.stderr.split())
    assert "share 1 tags, expected at least 2" in text
    assert "folder: high, hip hop, low, noisy, organ, voice" in text
    assert "stranger: low, cello" in text
