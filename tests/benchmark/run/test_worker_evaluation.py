"""Evaluation cells of trained and imported models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from benchmark.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from benchmark.config.imported import ImportedModel
from benchmark.perturbations import CLEAN
from benchmark.plan import build as plan
from benchmark.plan import models as planned_models
from benchmark.plan.jobs import Job
from benchmark.predict.audio_cache import CacheConfig, opened
from benchmark.store.cells import Cell
from benchmark.store.effects_file import EFFECTS, read
from benchmark.store.predictions import load_predictions
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from tests.support.small_experiment import SmallExperiment, cell_ids, run_job, select


@pytest.fixture(scope="module")
def evaluated(experiment: SmallExperiment, trained: Store) -> dict[Cell, bytes]:
    """Predictions of all cells, made in this process."""
    cells = select(experiment.plan().evaluations)
    run_job(Job(cells, "evaluate"), experiment.runtime("whole"))
    assert {trained.state(cell.id) for cell in cells} == {"done"}
    return {cell: (trained.folder(cell.id) / "predictions.npz").read_bytes() for cell in cells}


SETTINGS: dict[str, list[dict[str, Any]]] = {
    "1 worker": [{"workers": 1}],
    "2 workers": [{"workers": 2}],
    "3 workers": [{"workers": 3}],
    "spawn": [{"workers": 2, "start": "spawn"}],
    "forkserver": [{"workers": 2, "start": "forkserver"}],
    "cold, then warm cache": [
        {"workers": 2, "audio_cache": "cache"},
        {"workers": 1, "audio_cache": "cache"},
    ],
    "full cache": [{"workers": 2, "audio_cache": "full", "audio_cache_bytes": 100_000}],
}
SLOW = ("3 workers", "forkserver")  # each is close to a setting that is always tested


@pytest.mark.parametrize(
    "setting", [pytest.param(s, marks=pytest.mark.slow) if s in SLOW else s for s in SETTINGS]
)
def test_predictions_do_not_depend_on_workers_cache_or_order(
    experiment: SmallExperiment, trained: Store, evaluated: dict[Cell, bytes], setting: str
):
    cells = rng_for("order", setting).permutation(list(evaluated)).tolist()
    effects = {cell: (trained.folder(cell.id) / EFFECTS) for cell in cells}
    before = {cell: path.read_bytes() for cell, path in effects.items() if path.exists()}
    for run, options in enumerate(SETTINGS[setting]):
        changes = {"audio_cache_bytes": 2**30, **options}
        if "audio_cache" in changes:
            cache = experiment.results_root / changes["audio_cache"]
            changes["audio_cache"] = str(cache)
            opened(CacheConfig(changes["audio_cache"], changes["audio_cache_bytes"]))
            assert run == 0 or list(cache.glob("??/*.f32")), "the first run left no audio"
        for cell in cells:
            for name in ("metrics.json", "predictions.npz", EFFECTS):
                (trained.folder(cell.id) / name).unlink(missing_ok=True)
        run_job(Job(tuple(cells), "evaluate"), experiment.runtime("whole", **changes))
        for cell, content in evaluated.items():
            assert (trained.folder(cell.id) / "predictions.npz").read_bytes() == content
        after = {cell: path.read_bytes() for cell, path in effects.items() if path.exists()}
        assert after == before


def test_effects_are_stored_beside_all_but_clean_predictions(
    experiment: SmallExperiment, trained: Store, evaluated: dict[Cell, bytes]
):
    for cell in experiment.plan().evaluations:
        measured = read(trained.folder(cell.id) / EFFECTS)
        if cell.condition == CLEAN:
            assert measured is None
            assert EFFECTS not in trained.metrics(cell.id)["files"]
            continue
        assert EFFECTS in trained.metrics(cell.id)["files"]
        assert measured is not None
        assert list(measured.track_ids) == list(experiment.corpus.split("test")["track_id"])
        if cell.condition.perturbation == "white_noise":
            assert measured.figures["snr_db"] == pytest.approx(cell.condition.level, abs=0.05)
        else:
            assert np.isnan(measured.figures["snr_db"]).all()  # of another length


def test_one_model_alone_gives_the_same_scores(
    experiment: SmallExperiment, trained: Store, evaluated: dict[Cell, bytes]
):
    alone = select(experiment.plan().evaluations, model="musicnn", perturbation="white_noise")
    (trained.folder(alone[0].id) / "metrics.json").unlink()
    run_job(Job(alone, "evaluate"), experiment.runtime("whole"))
    assert (trained.folder(alone[0].id) / "predictions.npz").read_bytes() == evaluated[alone[0]]


def test_predictions_are_means_over_windows(
    experiment: SmallExperiment, trained: Store, evaluated: dict[Cell, bytes]
):
    (train,) = select(experiment.plan().training, model="musicnn")
    (cell,) = select(experiment.plan().evaluations, model="musicnn", perturbation="clean")
    stored = load_predictions(trained.folder(cell.id) / "predictions.npz")
    module = load_checkpoint(trained.folder(train.id))[0]
    test = experiment.corpus.split("test")
    audio = experiment.corpus.audio(int(test.index[0]))  # 4 s: two windows of 3 s that overlap
    windows = torch.from_numpy(np.stack([audio[:48000], audio[16000:64000]]))
    with torch.inference_mode():
        expected = module.probabilities(module(windows)).mean(0).numpy()
    assert stored.scores[0] == pytest.approx(expected, abs=1e-6)
    assert list(stored.track_ids) == list(test["track_id"])
    assert (stored.targets == experiment.corpus.targets("test")).all()


def test_the_prior_is_the_share_of_positives(
    experiment: SmallExperiment, trained: Store, evaluated: dict[Cell, bytes]
):
    (cell,) = select(experiment.plan().evaluations, model="tag_prior", perturbation="clean")
    stored = load_predictions(trained.folder(cell.id) / "predictions.npz")
    share = experiment.corpus.targets("train").mean(0)
    assert stored.scores == pytest.approx(np.tile(share, (len(stored.scores), 1)), abs=1e-6)


def test_a_broken_checkpoint_fails_only_its_own_cells(
    experiment: SmallExperiment, trained: Store, evaluated: dict[Cell, bytes]
):
    store = experiment.store("broken")
    cells = experiment.plan()
    for cell in cells.training:
        run_job(Job((cell,), "train"), experiment.runtime("broken"))
    (bad,) = select(cells.training, model="tag_prior")
    (store.folder(bad.id) / "best.ckpt").write_bytes(b"not a checkpoint")
    events = run_job(Job(cells.evaluations, "evaluate"), experiment.runtime("broken"))
    failed = {event["cell"] for event in events if event["event"] == "failed"}
    assert failed == cell_ids(select(cells.evaluations, model="tag_prior"))
    for cell in select(cells.evaluations, model="musicnn"):
        assert store.state(cell.id) == "done"


def imported_model(
    experiment: SmallExperiment, trained: Store, tags: tuple[str, ...], name: str
) -> ImportedModel:
    (train,) = select(experiment.plan().training, model="musicnn")
    module, card = load_checkpoint(trained.folder(train.id))
    order = [card.tags.index(tag) if tag in card.tags else 0 for tag in tags]
    published = type(module).build(seed=0, n_tags=len(tags))
    state = module.state_dict()
    state["dense2.weight"] = state["dense2.weight"][order]
    state["dense2.bias"] = state["dense2.bias"][order]
    published.load_state_dict(state)
    fields = card.model_dump(include={"model", "title", "dataset", "windows"})
    save_checkpoint(
        experiment.results_root / name, published, tags=tags, architecture=card.architecture,
        source=card.source, **fields,
    )  # fmt: skip
    return planned_models.imported_model(name, experiment.results_root / name)


def test_outputs_of_an_imported_model_are_matched_by_tag_name(
    experiment: SmallExperiment, trained: Store, evaluated: dict[Cell, bytes]
):
    # Other order, one tag more: columns must be matched by name.
    model = imported_model(experiment, trained, ("noisy", "brass", "low", "high"), "published")
    checked = experiment.check([], [str(experiment.results_root / "published")])
    cells = plan.build(checked, experiment.dataset, experiment.corpus, [], [model])
    store = Store(experiment.results_root / "imported")
    for cell in (*cells.training, *cells.evaluations):
        store.register(cell)
    run_job(Job(cells.training, "import"), experiment.runtime("imported"))
    run_job(Job(cells.evaluations, "evaluate"), experiment.runtime("imported"))
    for cell in cells.evaluations:
        (reference,) = select(
            experiment.plan().evaluations, model="musicnn", perturbation=cell.condition.perturbation
        )
        predictions = load_predictions(store.folder(cell.id) / "predictions.npz")
        expected = load_predictions(trained.folder(reference.id) / "predictions.npz")
        assert predictions.scores == pytest.approx(expected.scores, abs=1e-6)


def test_an_imported_model_must_share_tags(experiment: SmallExperiment, trained: Store):
    model = imported_model(experiment, trained, ("noisy", "brass"), "ignorant")
    checked = experiment.check([], [str(experiment.results_root / "ignorant")])
    with pytest.raises(TagbenchError, match="share 1 tags, expected at least 2"):
        plan.build(checked, experiment.dataset, experiment.corpus, [], [model])
