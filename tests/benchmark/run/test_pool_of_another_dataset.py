"""A student of MagnaTagATune that reads MTG-Jamendo, from the archives of both, as its pool."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.config.schema import BenchmarkFile
from benchmark.plan import build as plan
from benchmark.plan import matrix
from benchmark.plan.jobs import Job, Runtime
from benchmark.run import preparation
from benchmark.run.options import Options
from benchmark.store.cell_kinds import TrainCell
from benchmark.store.store import Store
from benchmark.train.data import cell_data
from datamodules import base
from datamodules.corpus.completeness import Expected
from datamodules.datasets import magnatagatune, mtg_jamendo
from lightning_modules.training.recipe import Recipe
from tests.support import served_jamendo
from tests.support.publishers import jamendo, mtat, relocated
from tests.support.server import serve
from tests.support.small_experiment import run_job

FILES = {
    "mtat": "class: datamodules.datasets.magnatagatune.MagnaTagATune\npool: ROOT/jamendo.yaml\n",
    "jamendo": "class: datamodules.datasets.mtg_jamendo.Jamendo\nparams: {corpus_rate: 8000}\n",
    "teacher": "class: tests.support.small_module.SmallModule\n",
    "student": "class: tests.support.small_module.SmallModule\n"
    "stage: {class: lightning_modules.stages.noisy_student.NoisyStudent, "
    "parents: {teacher: ROOT/teacher.yaml}}\n",
    "tiny": "recipe: {name: tiny, epochs: 1, batch_size: 8, lr: 1e-3, valid_windows: 1}\n"
    "perturbations: []\nn_boot: 100\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files of an experiment, whose datasets are served on this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr(base, "usable_cpus", lambda: 0)  # decode in this process
    tagged = mtat.publish(tmp_path / "mtat")
    with ExitStack() as servers:
        server = servers.enter_context(serve(Path(shutil.copytree(tagged, tmp_path / "served"))))
        labelled = relocated(
            magnatagatune.MagnaTagATune, server.url(""), tagged,
            expected_by_variant={"top50/tagged": Expected(50, 20, 2, 5)},
        )  # fmt: skip
        pool = servers.enter_context(serve(jamendo.publish(tmp_path / "jamendo")))
        monkeypatch.setattr(magnatagatune, "MagnaTagATune", labelled)
        monkeypatch.setattr(mtg_jamendo, "Jamendo", served_jamendo.local(pool))
        for name, text in FILES.items():
            (tmp_path / f"{name}.yaml").write_text(text.replace("ROOT", str(tmp_path)))
        yield tmp_path


def test_jamendo_is_the_pool_of_mtat(root: Path) -> None:
    file = BenchmarkFile(
        datasets=[str(root / "mtat.yaml")],
        models=[str(root / "student.yaml")],
        preset=str(root / "tiny.yaml"),
    )
    experiment, quiet = matrix.check(file), Console(quiet=True)
    options = Options(root / "results", root / "data", workers=0)
    models = preparation.resolve_models(experiment)
    sources = preparation.prepare_sources(experiment, models, options, quiet)
    dataset = preparation.resolve_dataset(experiment, "mtat", options)
    corpus = preparation.prepare(dataset, options, quiet)
    planned = plan.build(experiment, dataset, corpus, models, sources=sources)
    store, runtime = Store(root / "results"), Runtime(str(root / "results"), str(root / "data"))
    for cell in planned.models:
        events = run_job(Job((cell,), "train"), runtime)
        assert events[-1] == {"event": "done", "cell": cell.id}, store.failure(cell.id)
    (student,) = planned.training
    assert isinstance(student, TrainCell)
    assert student.identity.stage is not None
    read = student.identity.stage.sources["unlabelled"]
    assert (read["sample_rate"], read["pool"]) == (8000, "train")
    # An epoch passes over the larger set, in halves of four tracks.
    assert [row["trainer/global_step"] for row in store.metrics(student.id)["history"]] == [5]
    recipe = Recipe.model_validate(student.identity.recipe)
    batch = next(iter(cell_data(student.to_json(), recipe, runtime).crops("unlabelled")))
    songs = {song.track_id for song in jamendo.rows("top50") if song.part == "train"}
    assert set(batch["track_ids"]) <= songs
    assert batch["audio"].shape[1] == 16  # a window of the student, at its rate
