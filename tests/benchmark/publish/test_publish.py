"""A small sweep is published; readers of the formats, and a stranger's machine, read it back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.config.card import CARD, WEIGHTS
from benchmark.publish import load_published
from benchmark.publish.folder import MARKER
from benchmark.publish.licences import KNOWN, inherited_licences, licence_of
from benchmark.publish.publication import Choices
from benchmark.publish.write import publish
from benchmark.store.run_record import load
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from tests.support.bench import Bench
from tests.support.command_line import call

# rdflib, which mlcroissant uses, warns of its own classes.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MODEL = "models/musicnn-seed0"


@pytest.fixture(scope="module")
def folder(finished_sweep: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished sweep, published."""
    target = tmp_path_factory.mktemp("published") / "out"
    publish(finished_sweep.results / "folder", target, finished_sweep.root / "data", Choices())
    return target


def train_cell(bench: Bench, model: str) -> Path:
    store = Store(bench.results)
    (cell,) = (
        cell["id"]
        for cell in load("folder", store).of_kind("train")
        if cell["labels"]["model"] == model
    )
    return store.folder(cell)


def test_publishing_twice_gives_the_same_bytes(
    folder: Path, finished_sweep: Bench, tmp_path: Path
) -> None:
    target = tmp_path / "copy"
    shutil.copytree(folder, target)
    call("publish", str(finished_sweep.results / "folder"), "--to", str(target),
         "--data-root", str(finished_sweep.root / "data"))  # fmt: skip
    assert (target / MARKER).read_bytes() == (folder / MARKER).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {
        ".csv", ".json", ".md", ".yaml", ".npz", ".bib", ".cff", ".safetensors"
    }  # fmt: skip


def test_a_published_model_gives_the_same_scores(
    folder: Path, finished_sweep: Bench, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder / MODEL, moved)
    trained, _ = load_checkpoint(train_cell(finished_sweep, "musicnn"))
    audio = torch.from_numpy(
        np.random.default_rng(0).standard_normal((2, trained.input_samples)).astype(np.float32)
    )
    for place, name in ((moved, ""), (folder, "musicnn-seed0"), (moved / WEIGHTS, "")):
        model, card = load_published(place, name)
        with torch.inference_mode():
            assert torch.equal(model(audio), trained(audio))
    assert json.loads((moved / "config.json").read_text())["num_labels"] == len(card.tags)
    clip = str(next((finished_sweep.root / "music").rglob("*.wav")))
    told = call("predict", clip, "--checkpoint", str(moved), "--format", "csv", "--device", "cpu")
    assert told.returncode == 0, told.stderr
    assert told.stdout == call("predict", clip, "--checkpoint",
                               str(train_cell(finished_sweep, "musicnn")),
                               "--format", "csv", "--device", "cpu").stdout  # fmt: skip
    weights = bytearray((moved / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (moved / WEIGHTS).write_bytes(weights)
    with pytest.raises(TagbenchError, match="does not match the digest"):
        load_published(moved)
    with pytest.raises(TagbenchError, match="holds 2 models: musicnn-seed0, tag_prior-seed0"):
        load_published(folder)


def test_code_beside_a_checkpoint_is_not_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder / MODEL, tmp_path / "download")
    monkeypatch.chdir(tmp_path / "download")
    monkeypatch.syspath_prepend("")
    Path("brought_along.py").write_text("raise AssertionError('it ran')")
    card = json.loads(Path(CARD).read_text())
    Path(CARD).write_text(json.dumps({**card, "class_path": "brought_along.Model"}))
    for place in (Path(), Path(WEIGHTS)):
        with pytest.raises(TagbenchError, match="Code of a downloaded checkpoint is not run"):
            load_published(place)


def test_croissant_has_the_manifest(folder: Path, finished_sweep: Bench) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(jsonld=str(folder / "dataset" / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert dataset.metadata.ctx.is_v1_1()

    def records(name: str) -> list[dict[str, Any]]:
        return [
            {
                key.partition("/")[2]: value.decode() if isinstance(value, bytes) else value
                for key, value in record.items()
            }
            for record in dataset.records(name)
        ]

    (root,) = (path.parent for path in (finished_sweep.root / "data").glob("*/corpus.json"))
    frame = Corpus.open(root).frame
    tracks = pd.DataFrame(records("tracks"))
    for ours, theirs in (("track_id",) * 2, ("split",) * 2, ("samples_sha256", "audio_sha256")):
        assert tracks[ours].tolist() == frame[theirs].tolist()
    pairs = [(track, tag) for track, tags in zip(frame["track_id"], frame["tags"], strict=True)
             for tag in tags]  # fmt: skip
    assert [(row["track_id"], row["tag"]) for row in records("track_tags")] == pairs
    assert {row["name"]: row["tracks"] for row in records("splits")} == dict(
        frame["split"].value_counts()
    )


def test_the_crate_says_what_made_each_file(folder: Path, finished_sweep: Bench) -> None:
    rocrate = pytest.importorskip("rocrate.rocrate")
    crate = rocrate.ROCrate(folder)
    assert crate.metadata["conformsTo"] == "https://w3id.org/ro/crate/1.3"
    made = {}
    for action in crate.get_by_type("CreateAction"):
        for result in action["result"]:
            made[result.id] = action
            assert (folder / result.id).is_file()
    files = [path.relative_to(folder) for path in folder.rglob("*")]
    products = {path.as_posix() for path in files if path.suffix in (".npz", ".safetensors")}
    assert products <= set(made)
    cells = Store(finished_sweep.results)
    for path in products:
        action = made[path]
        (instrument,) = (action["instrument"],)
        assert instrument["softwareVersion"] == "0.1.0"
        if path.endswith(".npz"):
            (parent,) = (cells.read(action["identifier"])["preimage"]["train"],)
            inputs = {item["name"] if item.id.startswith("#") else item.id
                      for item in action["object"]}  # fmt: skip
            weights = {name for name, by in made.items() if by["identifier"] == parent}
            assert inputs == {"prepared corpus of folder", *weights}


def test_the_hub_reads_cards_and_scores(folder: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    from ruamel.yaml import YAML

    board = pd.read_csv(folder / "tables" / "leaderboard.csv").set_index("model").loc["musicnn"]
    card = hub.ModelCard.load(folder / MODEL / "README.md")
    clean = {
        result.metric_type: result
        for result in card.data.eval_results
        if result.dataset_config == "suite-clean-0"
    }
    assert clean["roc_auc"].metric_value == board["roc_auc"]
    stored = YAML(typ="safe").load(folder / MODEL / ".eval_results" / "folder.yaml")
    entries = {entry.task_id: entry for entry in hub.parse_eval_result_entries(stored)}
    assert entries["roc_auc"].value == board["roc_auc"]
    low, high = (f"{board[f'roc_auc_{end}']:.4f}" for end in ("low", "high"))
    for text in (entries["roc_auc"].notes, clean["roc_auc"].metric_name):
        assert f"95 % interval {low} to {high}" in text
    assert len(card.data.eval_results) == 2 * 3  # metrics, conditions


def test_what_cannot_be_published_is_refused_with_the_remedy(
    folder: Path, finished_sweep: Bench, tmp_path: Path
) -> None:
    results, data = finished_sweep.results / "folder", finished_sweep.root / "data"
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    (own / "notes.txt").write_text("mine")
    with pytest.raises(TagbenchError, match=r"added or edited after .* notes\.txt"):
        publish(results, own, data, Choices())
    (own / MARKER).unlink()
    with pytest.raises(TagbenchError, match="is not empty, and tagbench publish did not write it"):
        publish(results, own, data, Choices())
    target = tmp_path / "new"
    with pytest.raises(TagbenchError, match="--no-tracks"):
        publish(results, target, tmp_path, Choices())
    with pytest.raises(TagbenchError, match=r"tagbench publish .*folder --to"):
        publish(results.parent, target, data, Choices())
    bench = finished_sweep.copy(tmp_path / "results")
    store = Store(bench.results)
    lost = load("folder", store).of_kind("evaluation")[-1]["id"]
    (store.folder(lost) / "metrics.json").unlink()
    with pytest.raises(TagbenchError, match=r"1 of 8 cells of folder are not finished.*--partial"):
        publish(bench.results / "folder", target, data, Choices())
    assert not target.exists()
    choices = Choices(partial=True, tracks=False, without_weights=frozenset({"all"}))
    publish(bench.results / "folder", target, data, choices)
    assert not list(target.rglob(WEIGHTS))
    assert len(list((target / "predictions").iterdir())) == 5
    with pytest.raises(TagbenchError, match="published without weights"):
        load_published(target)


def test_imported_weights_need_a_licence(folder: Path, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.folder("source").mkdir(parents=True)
    shutil.copy(folder / MODEL / CARD, store.folder("source"))
    source = {"id": "source", "kind": "import", "depends_on": [], "labels": {"model": "theirs"}}
    probe = {"id": "p", "kind": "train", "depends_on": ["source"], "labels": {"model": "probe"}}
    cells = {cell["id"]: cell for cell in (source, probe)}
    for cell in (source, probe):  # the weights of a probe contain those of its encoder
        with pytest.raises(TagbenchError, match=r"--licence '(theirs|probe)=.*--no-weights"):
            licence_of(cell, cells, store, "cc-by-4.0", "")
        assert licence_of(cell, cells, store, "", "cc-by-nc-4.0") == "cc-by-nc-4.0"
    card = json.loads((store.folder("source") / CARD).read_text())
    card["source"]["sha256"] = next(iter(KNOWN))
    (store.folder("source") / CARD).write_text(json.dumps(card))
    assert licence_of(source, cells, store, "cc-by-4.0", "") == "isc"
    assert licence_of(probe, cells, store, "cc-by-4.0", "") == "cc-by-4.0"
    assert inherited_licences(probe, cells, store) == ("isc",)
    alone = {**probe, "depends_on": []}
    assert licence_of(alone, {"p": alone}, store, "", "") == "unknown"
