"""Loading checkpoints: damaged files, and training cells as checkpoints."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.config.identity import Architecture, Inputs, TrainIdentity
from benchmark.predict.inference import predict_windows
from benchmark.store.cell_kinds import TrainCell
from benchmark.store.cells import Labels
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from lightning_modules.architectures.fcn import FCN
from tests.support.won2020_import import import_state


def test_damaged_checkpoints_are_refused(fcn_state, tmp_path):
    folder = import_state(tmp_path, fcn_state).folder
    with pytest.raises(TagbenchError, match="tagbench import-checkpoint"):
        load_checkpoint(tmp_path / "best_model.pth")
    text = (folder / "card.json").read_text(encoding="utf-8")
    (folder / "card.json").write_text(text.replace('"revision": 1', '"revision": 0'))
    with pytest.raises(TagbenchError, match="made for revision 0"):
        load_checkpoint(folder)
    (folder / "card.json").write_text(text.replace('"n_tags"', '"n_tag"'))
    with pytest.raises(TagbenchError, match=r"Cannot read .*card.json"):
        load_checkpoint(folder)
    (folder / "card.json").write_text(text)
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(TagbenchError, match=r"model.safetensors does not match the digest"):
        load_checkpoint(folder)


@pytest.fixture
def cell(tmp_path) -> tuple[Store, TrainCell, FCN]:
    """A finished training cell of two tags."""
    identity = TrainIdentity(
        architecture=Architecture(
            identity="FCN",
            revision=FCN.revision,
            params={"n_mels": 96, "frontend": "log_mel"},
            sample_rate=16000,
            window=464000,
        ),
        inputs=Inputs(manifest="m", split="s", tags="t", task="singlelabel", sample_rate=16000),
        recipe={},
        seed=0,
    )
    trained = TrainCell(
        Labels("mine", "singlelabel", "quick", "fcn", 0),
        {"model_class": "lightning_modules.architectures.fcn.FCN"},
        identity,
    )
    store = Store(tmp_path / "results")
    store.register(trained)
    module = FCN.build(5, n_tags=2, task="singlelabel").eval()
    torch.save({"state_dict": module.state_dict()}, store.folder(trained.id) / "best.ckpt")
    store.finish(trained.id, {"tags": ["low", "high"]}, ["best.ckpt"])
    return store, trained, module


def test_trained_cell_is_a_checkpoint(cell):
    store, trained, module = cell
    loaded, card = load_checkpoint(store.folder(trained.id))
    assert (card.tags, card.task, card.windows) == (("low", "high"), "singlelabel", "tiled")
    audio = np.sin(np.arange(480000, dtype=np.float32) / 9)
    starts = np.array([0, 8000])
    ours = predict_windows(loaded, audio, starts)
    np.testing.assert_array_equal(ours, predict_windows(module, audio, starts))
    np.testing.assert_allclose(ours.sum(1), 1.0, atol=1e-6)


def test_unfinished_cells_are_refused(cell):
    store, trained, _ = cell
    folder = store.folder(trained.id)
    (folder / "best.ckpt").write_bytes(b"half")
    with pytest.raises(TagbenchError, match=r"best.ckpt is missing or damaged"):
        load_checkpoint(folder)
    (folder / "metrics.json").unlink()
    with pytest.raises(TagbenchError, match="is not finished"):
        load_checkpoint(folder)
    document = json.loads((folder / "cell.json").read_text(encoding="utf-8"))
    document |= {"kind": "evaluation", "preimage": {"train": "0123"}}
    (folder / "cell.json").write_text(json.dumps(document))
    with pytest.raises(TagbenchError, match=r"The model it evaluates is .*cells/0123"):
        load_checkpoint(folder)


def test_unknown_device_is_refused(cell):
    store, trained, _ = cell
    with pytest.raises(TagbenchError, match=r"--device gpu: .* Valid: cpu"):
        load_checkpoint(store.folder(trained.id), "gpu")
