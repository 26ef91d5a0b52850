"""A folder of audio without labels: predictions of checkpoints are compared, but not scored."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from rich.console import Console

from benchmark.cli import dry_run
from benchmark.cli.audit_output import check
from benchmark.config.schema import BenchmarkFile
from benchmark.perturbations import CLEAN
from benchmark.plan import matrix
from benchmark.plan.jobs import Job, Runtime
from benchmark.report import pipeline, terminal
from benchmark.report.dataset.page import describe
from benchmark.run import preparation
from benchmark.run.options import Options, Planned
from benchmark.run.worker import run
from benchmark.store.predictions import load_predictions
from benchmark.store.store import Store
from benchmark.store.tables import Tables
from benchmark.ui.results.board import board, curves_of
from datamodules.common.errors import TagbenchError
from datamodules.datasets.local_folder import Folder
from tests.support import level_model

TAGS = ("up", "flat", "down", "other", "more", "last")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    rng = np.random.RandomState(0)
    (folder / "live").mkdir()
    for name in ("b.wav", "a.flac", "live/c.WAV", "d.ogg"):
        audio = 0.2 + 0.1 * rng.standard_normal(24000)
        sf.write(folder / name, audio, 16000)
    (folder / "cover.jpg").write_bytes(b"no audio")
    return folder


class CheckpointSweep:
    """Evaluates checkpoints on a folder without labels, in this process."""

    def __init__(self, root: Path, music: Path, checkpoints: dict[str, tuple[str, ...]]) -> None:
        for name, tags in checkpoints.items():
            level_model.checkpoint(root / name, tags)
        self.benchmark = BenchmarkFile(
            datasets=["folder"],
            models=[],
            checkpoints=[str(root / name) for name in checkpoints],
            perturbations=["white_noise", "gain"],
            preset="quick",
        )
        self.options = Options(root / "results", root / "data", {"data": str(music)}, workers=0)
        self.runtime = Runtime(str(root / "results"), str(root / "data"), threads=1)
        self.store = Store(root / "results")
        self.experiment = matrix.check(self.benchmark)
        self.imported = preparation.resolve_checkpoints(self.experiment)
        self.dataset = preparation.resolve_dataset(self.experiment, "folder", self.options)
        self.corpus = preparation.prepare(self.dataset, self.options, Console(quiet=True))

    def planned(self) -> Planned:
        return preparation.plan_dataset(
            self.experiment, self.dataset, self.corpus, [], self.imported, self.store, ["cpu"], 1,
            Console(quiet=True),
        )  # fmt: skip

    def run(self) -> tuple[Planned, Tables, str]:
        planned = self.planned()
        run(Job(planned.plan.training, "import"), self.runtime, lambda event: None)
        run(Job(planned.plan.evaluations, "evaluate"), self.runtime, lambda event: None)
        out = io.StringIO()
        console = Console(file=out, width=100)
        assert terminal.report_failures([planned.record], self.store, console) == 0, out.getvalue()
        return planned, pipeline.write_results(planned.record, self.store, console), out.getvalue()


MakeSweep = Callable[..., CheckpointSweep]


@pytest.fixture
def make_sweep(tmp_path: Path, music: Path) -> MakeSweep:
    def build(**checkpoints: tuple[str, ...]) -> CheckpointSweep:
        return CheckpointSweep(tmp_path, music, checkpoints or {"level": TAGS})

    return build


def test_every_file_is_in_the_test_and_has_no_tag(music: Path, tmp_path: Path) -> None:
    data = Folder(data=str(music), root=tmp_path)
    data.prepare_data()
    assert data.tags == data.corpus.tags == ()
    assert list(data.corpus.split("test")["track_id"]) == ["a.flac", "b.wav", "d.ogg", "live/c.WAV"]
    assert data.corpus.info["splits"] == {"train": 0, "valid": 0, "test": 4}
    assert data.corpus.info["cautions"] == []
    assert data.corpus.targets("test").shape == (4, 0)


def test_a_label_table_is_used_where_it_exists(music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "b.wav").symlink_to(music / "b.wav")
    plain = Folder(data=str(folder), root=tmp_path)
    assert plain.tags == ()
    (folder / "tags.csv").write_text("path,tags\nb.wav,slow\n")
    assert Folder(data=str(folder), root=tmp_path).tags == ("slow",)
    (folder / "tags.csv").write_text("path,tags\nb.wav,\n")
    with pytest.raises(TagbenchError, match="no row has a tag"):
        _ = Folder(data=str(folder), root=tmp_path).tags


def test_classes_need_a_table(music: Path, tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match=r"tags\.csv does not exist"):
        _ = Folder(data=str(music), task="singlelabel", root=tmp_path).tags


def test_predictions_have_the_tags_of_the_checkpoint(make_sweep: MakeSweep) -> None:
    sweep = make_sweep()
    planned, tables, text = sweep.run()
    (clean,) = (c for c in planned.plan.evaluations if c.condition == CLEAN)
    stored = load_predictions(sweep.store.folder(clean.id) / "predictions.npz")
    assert list(stored.tags) == list(TAGS)
    assert stored.targets.shape == stored.scores.shape == (4, 6)
    assert not stored.targets.any()
    mean = level_model.sigmoid(0.2 * np.linspace(1.0, -2.0, 6))
    np.testing.assert_allclose(stored.scores[1], mean, atol=0.01)
    consistency = tables.consistency.set_index(["perturbation", "severity", "metric"])["value"]
    assert set(tables.consistency["metric"]) == {
        *("mean_abs_dlogit", "spearman", "top5_overlap", "flip_rate")
    }
    folder = sweep.store.results / "folder"
    assert board(folder)["has_scores"] is False
    shown = next(curve for curve in curves_of(folder)["curves"] if curve["title"] == "white noise")
    values = [point["value"] for point in shown["series"][0]["points"]]
    assert values == pytest.approx(
        [consistency["white_noise", severity, "mean_abs_dlogit"] for severity in (2, 4)]
    )
    # A gain scales every logit.
    for severity, gain in ((2, -6), (4, -18)):
        change = (1 - 10 ** (gain / 20)) * 0.2 * np.abs(np.linspace(1.0, -2.0, 6)).mean()
        assert consistency["gain", severity, "mean_abs_dlogit"] == pytest.approx(change, rel=0.03)
        assert consistency["gain", severity, "spearman"] == 1
        assert consistency["gain", severity, "flip_rate"] == 0
    ranks = tables.top_tags.groupby("track_id")["rank"].agg(list)
    assert ranks.tolist() == [[1, 2, 3, 4, 5]] * 4
    assert tables.top_tags["tag"].tolist()[:5] == list(TAGS)[:5]
    assert tables.leaderboard["rank"].isna().all()
    assert tables.leaderboard["n_params"].tolist() == [6]
    assert "level against itself on clean audio" in text
    assert "no clean evaluation" not in text
    assert "ROC-AUC" not in text
    assert (sweep.store.results / "folder" / "report" / "index.html").is_file()
    assert terminal.verify(planned.record, sweep.store, Console(quiet=True))


def test_checkpoints_with_the_same_tags_share_tables(make_sweep: MakeSweep) -> None:
    _, tables, _ = make_sweep(first=TAGS, second=TAGS).run()
    assert sorted(set(tables.consistency["model"])) == ["first", "second"]


def test_checkpoints_with_different_tags_are_compared_on_those_they_share(
    make_sweep: MakeSweep,
) -> None:
    sweep = make_sweep(first=TAGS, second=("last", "Down", "own", "up"))
    planned, tables, text = sweep.run()
    assert planned.plan.compared.tags == ("last", "Down", "up")  # of the model with fewer tags
    for cell in planned.plan.evaluations:  # all tags of a model are stored
        stored = load_predictions(sweep.store.folder(cell.id) / "predictions.npz")
        assert len(stored.tags) == {"first": 6, "second": 4}[cell.labels.model]
    change = tables.consistency.set_index(["model", "perturbation", "severity", "metric"])["value"]
    gains = {"first": np.linspace(1.0, -2.0, 6)[[5, 2, 0]], "second": np.array([1.0, 0.0, -2.0])}
    for model, gain in gains.items():
        expected = (1 - 10 ** (-18 / 20)) * 0.2 * np.abs(gain).mean()
        found = change[model, "gain", 4, "mean_abs_dlogit"]
        assert found == pytest.approx(expected, rel=0.03)
    left_out = tables.left_out_tags.set_index(["tag", "model"])["reason"]
    assert set(left_out.index) == {
        *(("flat", "first"), ("other", "first"), ("more", "first"), ("own", "second"))
    }
    assert set(left_out) == {"not predicted by all other models"}
    assert tables.tag_aliases[["tag", "model", "model_tag"]].values.tolist() == [
        ["Down", "first", "down"]
    ]
    text = " ".join(text.split())
    assert "compared on the 3 tags that all models predict: last, Down, up" in text


def test_checkpoints_without_shared_tags_are_refused(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(first=TAGS, second=("up", "own"))
    with pytest.raises(TagbenchError, match=r"share 1 tags.*first: up, flat.*second: up, own"):
        sweep.planned()


def test_the_contract_depends_on_the_tags(make_sweep: MakeSweep, tmp_path: Path) -> None:
    first = make_sweep(first=TAGS).planned().plan.contract
    assert first != make_sweep(second=TAGS[:4]).planned().plan.contract


def test_training_is_refused(make_sweep: MakeSweep) -> None:
    sweep = make_sweep()
    changed: dict[str, Any] = {"models": ["musicnn"], "checkpoints": []}
    benchmark = sweep.benchmark.model_copy(update=changed)
    with pytest.raises(TagbenchError, match=r"no tags, so 'musicnn' cannot be trained"):
        dry_run.show(benchmark, sweep.options, Console(quiet=True))


def test_describing_labels_is_refused(make_sweep: MakeSweep, tmp_path: Path) -> None:
    with pytest.raises(TagbenchError, match="no labels to describe"):
        describe(make_sweep().corpus, tmp_path)


def test_the_audit_passes(make_sweep: MakeSweep) -> None:
    sweep = make_sweep()
    assert check(sweep.dataset, sweep.options, Console(quiet=True))


def test_a_dry_run_counts_the_cells(make_sweep: MakeSweep) -> None:
    out = io.StringIO()
    sweep = make_sweep()
    dry_run.show(sweep.benchmark, sweep.options, Console(file=out, width=120))
    assert "0 training cells, 5 evaluation cells" in out.getvalue()
