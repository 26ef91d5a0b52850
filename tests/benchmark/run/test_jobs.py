"""Training and evaluation cells in this process: resuming, workers, failures, imported models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from rich.console import Console

from benchmark.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from benchmark.config.datasets import ResolvedDataset
from benchmark.config.schema import BenchmarkFile
from benchmark.perturbations import CLEAN
from benchmark.plan import build as plan
from benchmark.plan import matrix
from benchmark.plan.jobs import Job, Runtime
from benchmark.plan.models import ImportedModel
from benchmark.predict.audio_cache import CacheConfig, opened
from benchmark.run import preparation
from benchmark.run.options import Options
from benchmark.run.worker import run
from benchmark.store.cells import Cell
from benchmark.store.effects_file import EFFECTS, read
from benchmark.store.plans import Plan
from benchmark.store.predictions import load_predictions
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from datamodules.corpus.corpus import Corpus
from tests.support import music

C = TypeVar("C", bound=Cell)

PRESET = """
recipe: {name: tiny, epochs: 3, batch_size: 5, lr: 1e-3, schedule: one_cycle, valid_windows: 1}
windows: {protocol: tiled}
perturbations: [time_faster, white_noise]
severities: [3]
n_boot: 100
"""


class Small:
    """A prepared folder corpus and the plan of a matrix on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.preset = root / "tiny.yaml"
        self.preset.write_text(PRESET, encoding="utf-8")
        self.data = music.folder(root / "music")
        self.options = Options(root / "results", root / "data", {"data": str(self.data)}, workers=0)
        self.experiment = self.check(["tag_prior", "musicnn"])
        self.dataset: ResolvedDataset = preparation.resolve_dataset(
            self.experiment, "folder", self.options
        )
        self.corpus: Corpus = preparation.prepare(self.dataset, self.options, Console(quiet=True))

    def check(self, models: list[str], checkpoints: list[str] | None = None) -> matrix.Experiment:
        return matrix.check(
            BenchmarkFile(
                datasets=["folder"],
                models=models,
                checkpoints=checkpoints or [],
                preset=str(self.preset),
            )
        )

    def plan(self) -> Plan:
        models = preparation.resolve_models(self.experiment)
        return plan.build(self.experiment, self.dataset, self.corpus, models)

    def runtime(self, results: str, **changes: Any) -> Runtime:
        runtime = Runtime(str(self.root / results), str(self.root / "data"), threads=1)
        return replace(runtime, **changes)

    def store(self, results: str) -> Store:
        store = Store(self.root / results)
        cells = self.plan()
        for cell in (*cells.training, *cells.evaluations):
            store.register(cell)
        return store


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("jobs"))


def work(job: Job, runtime: Runtime) -> list[Mapping[str, Any]]:
    events: list[Mapping[str, Any]] = []
    run(job, runtime, events.append)
    return events


def ids(cells: Sequence[Cell]) -> set[str]:
    return {cell.id for cell in cells}


def select(cells: Sequence[C], **labels: Any) -> tuple[C, ...]:
    """Return the cells with these labels."""
    return tuple(c for c in cells if labels.items() <= c.label_values().items())


@pytest.fixture(scope="module")
def trained(small: Small) -> Store:
    """A store in which both models are trained."""
    store = small.store("whole")
    cells = small.plan()
    for cell in cells.training:
        events = work(Job((cell,), "train"), small.runtime("whole"))
        assert events[-1] == {"event": "done", "cell": cell.id}, store.failure(cell.id)
    return store


def weights(store: Store, cell: Cell, name: str = "best.ckpt") -> dict[str, torch.Tensor]:
    content = torch.load(store.folder(cell.id) / name, map_location="cpu", weights_only=True)
    return content["state_dict"]


def test_training_reports_steps_and_leaves_a_checkpoint(small: Small, trained: Store):
    (cell,) = select(small.plan().training, model="musicnn")
    metrics = trained.metrics(cell.id)
    assert metrics["epochs_run"] == 3
    assert metrics["tags"] == ["high", "low", "noisy"]
    assert np.isfinite(metrics["valid_loss"])
    assert "spec_bn.weight" in weights(trained, cell)


def test_training_moves_the_weights(small: Small, trained: Store):
    (cell,) = select(small.plan().training, model="musicnn")
    module = load_checkpoint(trained.folder(cell.id))[0]
    fresh = type(module).build(seed=0, n_tags=3)
    assert not torch.equal(module.dense1.weight, fresh.dense1.weight)


@pytest.mark.parametrize("epochs_before", [1, 2])
def test_resumed_training_equals_uninterrupted(small: Small, trained: Store, epochs_before: int):
    name = f"resumed-{epochs_before}"
    store = small.store(name)
    (cell,) = select(small.plan().training, model="musicnn")
    job = Job((cell,), "train")

    def stop(event: Mapping[str, Any]) -> None:
        # Two steps an epoch: stop in the middle of the next one.
        if event["event"] == "progress" and event["done"] == 2 * epochs_before + 1:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run(job, small.runtime(name), stop)
    assert (store.folder(cell.id) / "last.ckpt").is_file()
    assert store.state(cell.id) == "pending"
    work(job, small.runtime(name))
    again, whole = weights(store, cell), weights(trained, cell)
    assert again.keys() == whole.keys()
    for key, value in whole.items():
        assert torch.equal(again[key], value), key


def test_a_damaged_checkpoint_starts_anew(small: Small, trained: Store):
    store = small.store("damaged")
    (cell,) = select(small.plan().training, model="musicnn")
    (store.folder(cell.id) / "last.ckpt").write_bytes(b"cut")
    work(Job((cell,), "train"), small.runtime("damaged"))
    for key, value in weights(trained, cell).items():
        assert torch.equal(weights(store, cell)[key], value), key


@pytest.fixture(scope="module")
def evaluated(small: Small, trained: Store) -> dict[Cell, bytes]:
    """Predictions of all cells, made in this process."""
    cells = select(small.plan().evaluations)
    work(Job(cells, "evaluate"), small.runtime("whole"))
    assert {trained.state(cell.id) for cell in cells} == {"done"}
    return {cell: (trained.folder(cell.id) / "predictions.npz").read_bytes() for cell in cells}


HOW = {
    "1 worker": {"workers": 1},
    "2 workers": {"workers": 2},
    "3 workers": {"workers": 3},
    "spawn": {"workers": 2, "start": "spawn"},
    "forkserver": {"workers": 2, "start": "forkserver"},
    "cold cache": {"workers": 2, "audio_cache": "cache"},
    "warm cache": {"workers": 1, "audio_cache": "cache"},
    "full cache": {"workers": 2, "audio_cache": "full", "audio_cache_bytes": 100_000},
}


SLOW = ("3 workers", "forkserver")  # as another that is not


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=pytest.mark.slow) if how in SLOW else how for how in HOW]
)
def test_nothing_about_how_it_runs_changes_a_bit(
    small: Small, trained: Store, evaluated: dict[Cell, bytes], how: str
):
    changes = {"audio_cache_bytes": 2**30, **HOW[how]}
    if "audio_cache" in changes:
        changes["audio_cache"] = str(small.root / changes["audio_cache"])
        opened(CacheConfig(changes["audio_cache"], changes["audio_cache_bytes"]))
    if how == "warm cache":
        assert list((small.root / "cache").glob("??/*.f32")), "the test before it filled it"
    cells = rng_for("order", how).permutation(list(evaluated)).tolist()
    effects = {cell: (trained.folder(cell.id) / EFFECTS) for cell in cells}
    before = {cell: path.read_bytes() for cell, path in effects.items() if path.exists()}
    for cell in cells:
        for name in ("metrics.json", "predictions.npz", EFFECTS):
            (trained.folder(cell.id) / name).unlink(missing_ok=True)
    work(Job(tuple(cells), "evaluate"), small.runtime("whole", **changes))
    for cell, content in evaluated.items():
        assert (trained.folder(cell.id) / "predictions.npz").read_bytes() == content
    assert {cell: path.read_bytes() for cell, path in effects.items() if path.exists()} == before


def test_effects_lie_beside_all_but_clean_predictions(
    small: Small, trained: Store, evaluated: dict[Cell, bytes]
):
    for cell in small.plan().evaluations:
        measured = read(trained.folder(cell.id) / EFFECTS)
        if cell.condition == CLEAN:
            assert measured is None
            assert EFFECTS not in trained.metrics(cell.id)["files"]
            continue
        assert EFFECTS in trained.metrics(cell.id)["files"]
        assert measured is not None
        assert list(measured.track_ids) == list(small.corpus.split("test")["track_id"])
        if cell.condition.perturbation == "white_noise":
            assert measured.figures["snr_db"] == pytest.approx(cell.condition.level, abs=0.05)
        else:
            assert np.isnan(measured.figures["snr_db"]).all()  # of another length


def test_one_model_alone_gives_the_same_scores(
    small: Small, trained: Store, evaluated: dict[Cell, bytes]
):
    alone = select(small.plan().evaluations, model="musicnn", perturbation="white_noise")
    (trained.folder(alone[0].id) / "metrics.json").unlink()
    work(Job(alone, "evaluate"), small.runtime("whole"))
    assert (trained.folder(alone[0].id) / "predictions.npz").read_bytes() == evaluated[alone[0]]


def test_predictions_are_means_over_windows(
    small: Small, trained: Store, evaluated: dict[Cell, bytes]
):
    (train,) = select(small.plan().training, model="musicnn")
    (cell,) = select(small.plan().evaluations, model="musicnn", perturbation="clean")
    stored = load_predictions(trained.folder(cell.id) / "predictions.npz")
    module = load_checkpoint(trained.folder(train.id))[0]
    test = small.corpus.split("test")
    audio = small.corpus.audio(int(test.index[0]))  # 4 s: two windows of 3 s that overlap
    windows = torch.from_numpy(np.stack([audio[:48000], audio[16000:64000]]))
    with torch.inference_mode():
        expected = module.probabilities(module(windows)).mean(0).numpy()
    assert stored.scores[0] == pytest.approx(expected, abs=1e-6)
    assert list(stored.track_ids) == list(test["track_id"])
    assert (stored.targets == small.corpus.targets("test")).all()


def test_the_prior_is_the_share_of_positives(
    small: Small, trained: Store, evaluated: dict[Cell, bytes]
):
    (cell,) = select(small.plan().evaluations, model="tag_prior", perturbation="clean")
    stored = load_predictions(trained.folder(cell.id) / "predictions.npz")
    share = small.corpus.targets("train").mean(0)
    assert stored.scores == pytest.approx(np.tile(share, (len(stored.scores), 1)), abs=1e-6)


def test_a_broken_checkpoint_costs_only_its_own_cells(
    small: Small, trained: Store, evaluated: dict[Cell, bytes]
):
    store = small.store("broken")
    cells = small.plan()
    for cell in cells.training:
        work(Job((cell,), "train"), small.runtime("broken"))
    (bad,) = select(cells.training, model="tag_prior")
    (store.folder(bad.id) / "best.ckpt").write_bytes(b"not a checkpoint")
    events = work(Job(cells.evaluations, "evaluate"), small.runtime("broken"))
    failed = {event["cell"] for event in events if event["event"] == "failed"}
    assert failed == ids(select(cells.evaluations, model="tag_prior"))
    for cell in select(cells.evaluations, model="musicnn"):
        assert store.state(cell.id) == "done"


def imported(small: Small, trained: Store, tags: tuple[str, ...], name: str) -> ImportedModel:
    (train,) = select(small.plan().training, model="musicnn")
    module, card = load_checkpoint(trained.folder(train.id))
    order = [card.tags.index(tag) if tag in card.tags else 0 for tag in tags]
    published = type(module).build(seed=0, n_tags=len(tags))
    state = module.state_dict()
    state["dense2.weight"] = state["dense2.weight"][order]
    state["dense2.bias"] = state["dense2.bias"][order]
    published.load_state_dict(state)
    facts = card.model_dump(include={"model", "title", "dataset", "windows"})
    save_checkpoint(
        small.root / name, published, tags=tags, architecture=card.architecture,
        source=card.source, **facts,
    )  # fmt: skip
    return ImportedModel.of(name, small.root / name)


def test_an_imported_model_is_heard_by_tag_name(
    small: Small, trained: Store, evaluated: dict[Cell, bytes]
):
    # Other order, one tag more: columns must be matched by name.
    model = imported(small, trained, ("noisy", "brass", "low", "high"), "published")
    cells = plan.build(small.check([], [str(small.root / "published")]), small.dataset,
                       small.corpus, [], [model])  # fmt: skip
    store = Store(small.root / "imported")
    for cell in (*cells.training, *cells.evaluations):
        store.register(cell)
    work(Job(cells.training, "import"), small.runtime("imported"))
    work(Job(cells.evaluations, "evaluate"), small.runtime("imported"))
    for cell in cells.evaluations:
        (own,) = select(
            small.plan().evaluations, model="musicnn", perturbation=cell.condition.perturbation
        )
        found = load_predictions(store.folder(cell.id) / "predictions.npz")
        expected = load_predictions(trained.folder(own.id) / "predictions.npz")
        assert found.scores == pytest.approx(expected.scores, abs=1e-6)


def test_the_preset_says_what_the_bootstrap_draws_whole(small: Small):
    ids = [str(name) for name in small.corpus.split("test")["track_id"]]
    assert preparation.clusters(small.corpus, "artist") is None  # as the predictions hold it
    assert small.corpus.clusters("test") == [f"artist:artist{int(n[:3])}" for n in ids]
    found = preparation.clusters(small.corpus, "track")
    assert found == {name: f"track:{name}" for name in ids}
    contracts = set()
    for by in ("artist", "song", "track"):
        small.preset.write_text(f"{PRESET}cluster: {by}\n", encoding="utf-8")
        experiment = small.check(["tag_prior"])
        models = preparation.resolve_models(experiment)
        contracts.add(plan.build(experiment, small.dataset, small.corpus, models).contract)
    small.preset.write_text(PRESET, encoding="utf-8")
    assert len(contracts) == 3  # tables of two kinds never mix


def test_an_imported_model_must_know_the_tags(small: Small, trained: Store):
    model = imported(small, trained, ("noisy", "brass"), "ignorant")
    with pytest.raises(TagbenchError, match=r"does not predict 2 of 3 tags \(high, low\)"):
        model.check_fits("folder", small.corpus)
