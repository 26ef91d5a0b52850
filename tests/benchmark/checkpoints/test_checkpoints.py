"""Importing published weights: all nine layouts, what is refused, and the real FCN."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor
from typer.testing import CliRunner

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.won2020 import MODEL_ALIASES, Imported, import_checkpoint
from benchmark.cli import app
from benchmark.config.identity import Architecture, Inputs, TrainIdentity
from benchmark.predict.audio_files import AudioFile, Prediction, predict_files
from benchmark.predict.inference import predict_windows
from benchmark.store.cell_kinds import TrainCell
from benchmark.store.cells import Labels
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.labels import vocabularies
from datamodules.loaders.windowing import Windowing
from lightning_modules.architectures.fcn import FCN
from tests.support import won2020_layouts
from tests.support.won2020_layouts import LAYOUTS, Layout

BY_MODEL = {layout.model: layout for layout in LAYOUTS}


def write(folder: Path, content: Any) -> Path:
    path = folder / "best_model.pth"
    torch.save(content, path)
    return path


def bring(
    folder: Path, content: Any, model: str = "fcn", dataset: str = "mtat", **more
) -> Imported:
    return import_checkpoint(write(folder, content), model, dataset, folder / "out", **more)


def weights(imported: Imported) -> dict[str, Tensor]:
    return safetensors.torch.load_file(imported.folder / "model.safetensors")


@pytest.fixture
def fcn_state() -> dict[str, Tensor]:
    return BY_MODEL["fcn"].tensors()


# The table that stands for the reference's files


def learned(layout: Layout) -> list[str]:
    stats = ("running_mean", "running_var", "num_batches_tracked")
    return [
        name for name in layout.shapes if name not in layout.constants and not name.endswith(stats)
    ]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.model)
def test_table_of_layouts_has_published_sizes(layout):
    assert len(layout.shapes) == layout.n_entries
    assert sum(math.prod(layout.shapes[name]) for name in learned(layout)) == layout.n_learned


# Every entry finds its place


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.model)
def test_every_tensor_of_every_layout_lands(layout, tmp_path):
    state = layout.tensors()
    imported = bring(tmp_path, state, layout.model)
    report, ours = imported.report, weights(imported)
    assert set(report.regenerated) == set(layout.constants)
    assert set(report.loaded) == set(state) - set(layout.constants)
    assert report.missing == report.unexpected == ()
    assert imported.folder.name == f"{MODEL_ALIASES.get(layout.model, layout.model)}-mtat"
    for name in report.loaded:
        assert torch.equal(ours[name], state[name]), name
    assert len(ours) == len(report.loaded)
    module, card = load_checkpoint(imported.folder)
    assert module.n_params == layout.n_learned
    assert card.tags == vocabularies.MTAT_TOP50
    assert card.windows == "won2020"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {"epoch": 3, "state_dict": state},
        lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()}},
        lambda state: {f"module.model.{name}": value for name, value in state.items()},
    ],
    ids=["parallel", "nested", "lightning", "both"],
)
def test_wrappers_are_taken_off(wrap, fcn_state, tmp_path):
    imported = bring(tmp_path, wrap(fcn_state))
    assert torch.equal(weights(imported)["layer3.conv.weight"], fcn_state["layer3.conv.weight"])


def test_weights_of_other_precision_are_converted(fcn_state, tmp_path):
    state = {n: v.double() if v.is_floating_point() else v for n, v in fcn_state.items()}
    assert torch.equal(weights(bring(tmp_path, state))["dense.bias"], fcn_state["dense.bias"])


def test_size_of_architecture_comes_from_file(tmp_path):
    state = Layout("musicnn", 72, 7_972_000, (), won2020_layouts.musicnn(512, 500)).tensors()
    imported = bring(tmp_path, state, "musicnn", "msd")
    assert imported.card.model == "musicnn_msd"
    assert imported.card.architecture.params["n_channels"] == 512
    assert imported.card.tags == vocabularies.MSD_LASTFM50
    assert "musicnn_msd, another size of musicnn" in imported.report.notes[0]


def test_bands_of_front_end_come_from_file(tmp_path):
    state = Layout("fcn", 44, 447_732, (), won2020_layouts.fcn(128)).tensors()
    imported = bring(tmp_path, state)
    assert imported.card.architecture.params["n_mels"] == 128


# What is said


def test_card_says_what_the_weights_are(fcn_state, tmp_path):
    imported = bring(tmp_path, fcn_state, dataset="jamendo")
    card = json.loads((imported.folder / "card.json").read_text(encoding="utf-8"))
    assert card["class_path"] == "lightning_modules.architectures.fcn.FCN"
    assert card["architecture"] == {
        "identity": "FCN",
        "params": {"frontend": "log_mel", "n_mels": 96},
        "revision": FCN.revision,
        "sample_rate": 16000,
        "window": 464000,
    }
    assert card["tags"] == sorted(card["tags"])
    assert (card["n_tags"], card["task"], card["dataset"]) == (50, "multilabel", "jamendo")
    assert card["source"]["file"] == "best_model.pth"
    assert len(card["source"]["sha256"]) == len(card["weights_sha256"]) == 64


def test_unlearned_and_unknown_entries_are_reported(fcn_state, tmp_path):
    del fcn_state["spec_bn.num_batches_tracked"]
    fcn_state["spec.mel_scale.fb"] = torch.empty(0)  # torchaudio before its first forward pass
    fcn_state["criterion.pos_weight"] = torch.ones(50)
    report = bring(tmp_path, fcn_state).report
    assert report.missing == ("spec_bn.num_batches_tracked",)
    assert report.unexpected == ("criterion.pos_weight",)
    assert len(report.notes) == 1  # the random window
    assert "spec.spectrogram.window differs" in report.notes[0]


def test_stored_constants_that_are_right_cause_no_note(fcn_state, tmp_path):
    import torchaudio

    mel = torchaudio.functional.melscale_fbanks(257, 0.0, 8000.0, 96, 16000)
    fcn_state |= {"spec.spectrogram.window": torch.hann_window(512), "spec.mel_scale.fb": mel}
    assert bring(tmp_path, fcn_state).report.notes == ()


def test_command_line_reports_and_writes(fcn_state, tmp_path):
    file, out = write(tmp_path, fcn_state), tmp_path / "out"
    arguments = ["--model", "fcn", "--dataset", "mtat", "--out", str(out)]
    result = CliRunner().invoke(app, ["import-checkpoint", str(file), *arguments])
    assert result.exit_code == 0
    assert "spec.mel_scale.fb" in result.output
    assert sorted(path.name for path in (out / "fcn-mtat").iterdir()) == [
        "card.json",
        "model.safetensors",
    ]


# What is refused


class _Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


def _page(state: dict[str, Tensor], path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>Quota exceeded</body></html>", encoding="utf-8")


def _pointer(state: dict[str, Tensor], path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n", encoding="utf-8")


def _truncated(state: dict[str, Tensor], path: Path) -> None:
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _truncated_old(state: dict[str, Tensor], path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _bomb(state: dict[str, Tensor], path: Path) -> None:
    path.write_bytes(pickle.dumps({"dense.weight": _Bomb()}))


def _module(state: dict[str, Tensor], path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), path)


REFUSED = [
    (_page, "is a web page"),
    (_pointer, "Git LFS pointer"),
    (_truncated, "its end is missing.*Download it again"),
    (_truncated_old, "cannot be read.*Download it again"),
    (_bomb, "cannot be read: it contains objects other than tensors"),
    (_module, "cannot be read: it contains objects other than tensors"),
    (lambda state, path: path.write_bytes(b""), "it is empty"),
    (lambda state, path: path.write_bytes(b"\x00\x01 noise" * 99), "cannot be read"),
    (lambda state, path: path.mkdir(), "Is a directory"),
    (lambda state, path: None, "No such file"),
    (lambda state, path: torch.save([1, 2], path), "no state dict: .* found a list"),
    (lambda state, path: torch.save({}, path), "found an empty mapping"),
    (lambda state, path: torch.save({"a": 1}, path), "a mapping with the keys a"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_other_files_are_refused(make, message, fcn_state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "best_model.pth"
    make(fcn_state, path)
    with pytest.raises(TagbenchError, match=message):
        import_checkpoint(path, "fcn", "mtat", tmp_path / "out")
    assert not (tmp_path / "exploded").exists()
    assert not (tmp_path / "out").exists()


def test_tensors_that_do_not_fit_are_named(fcn_state, tmp_path):
    fcn_state["layer4.conv.weight"] = torch.zeros(128, 128, 5, 5)
    fcn_state["layer2.bn.running_var"][7] = math.nan
    del fcn_state["layer1.conv.bias"], fcn_state["layer5.bn.running_mean"]
    with pytest.raises(TagbenchError) as caught:
        bring(tmp_path, fcn_state)
    text = str(caught.value)
    assert "does not fit model fcn.\nWrong entries, 4 in all:" in text
    assert "layer4.conv.weight: expected (128, 128, 3, 3), got (128, 128, 5, 5)" in text
    assert "layer1.conv.bias: expected (64,), missing in the file" in text
    assert "layer5.bn.running_mean: expected (64,), missing in the file" in text
    assert "layer2.bn.running_var: contains NaN or infinity" in text
    assert not (tmp_path / "out").exists()


def test_wrong_architecture_names_the_right_one(tmp_path):
    with pytest.raises(
        TagbenchError, match=r"does not fit model fcn.* fit --model short_chunk_cnn"
    ):
        bring(tmp_path, BY_MODEL["short_res"].tensors())


def test_mel_bands_that_no_size_has_are_refused(fcn_state, tmp_path):
    fcn_state["spec.mel_scale.fb"] = torch.zeros(257, 80)
    with pytest.raises(TagbenchError, match=r"spec.mel_scale.fb: expected 96 mel bands, got 80"):
        bring(tmp_path, fcn_state)


def test_tags_must_fit_the_outputs(fcn_state, tmp_path):
    fcn_state["dense.weight"], fcn_state["dense.bias"] = torch.ones(3, 64), torch.ones(3)
    with pytest.raises(TagbenchError, match="has 3 outputs, but dataset 'mtat' names 50 tags"):
        bring(tmp_path, fcn_state)
    with pytest.raises(TagbenchError, match=r"'mine' are not known. Name the 3 outputs"):
        bring(tmp_path, fcn_state, dataset="mine")
    with pytest.raises(TagbenchError, match="--tags is no tag list: b stands twice"):
        bring(tmp_path, fcn_state, dataset="mine", tags=["a", "b", "b"])
    imported = bring(tmp_path, fcn_state, dataset="mine", tags=["a", "b", "c"])
    assert imported.card.tags == ("a", "b", "c")
    assert load_checkpoint(imported.folder)[0].n_tags == 3


def test_unknown_model_gives_the_nearest(fcn_state, tmp_path):
    with pytest.raises(TagbenchError, match="Did you mean 'musicnn'"):
        bring(tmp_path, fcn_state, "musicn")


# Loading


def test_damage_is_found(fcn_state, tmp_path):
    folder = bring(tmp_path, fcn_state).folder
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


def test_same_file_gives_same_bytes(fcn_state, tmp_path):
    first = bring(tmp_path, fcn_state).folder
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    second = bring(tmp_path, fcn_state).folder
    assert before == {path.name: path.read_bytes() for path in second.iterdir()}


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


# The real thing


@pytest.fixture(scope="module")
def published(shared_data, tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    source = shared_data / "checkpoints"
    golden = json.loads((source / "won2020_fcn_mtat_golden.json").read_text(encoding="utf-8"))
    out = tmp_path_factory.mktemp("checkpoints")
    imported = import_checkpoint(source / "won2020_fcn_mtat.pth", "fcn", "mtat", out)
    assert len(imported.report.loaded) == 42
    assert imported.report.notes == imported.report.unexpected == ()
    assert list(imported.card.tags) == golden["tags"]
    return imported.folder, golden


def test_published_fcn_gives_published_output_on_tones(published):
    folder, golden = published
    module, _ = load_checkpoint(folder)
    t = np.arange(464000) / 16000
    tones = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.25 * np.sin(2 * np.pi * 1234.5 * t)
    signal = (tones + 0.1 * np.sin(2 * np.pi * 60 * t * t)).astype(np.float32)
    ours = predict_windows(module, signal, np.array([0]))[0]
    theirs = golden["outputs"]["mtat/fcn"]["synthetic_single_window"]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_published_fcn_gives_published_output_on_music(published, shared_data):
    folder, golden = published
    module, card = load_checkpoint(folder)
    clip = shared_data / golden["clip"].split(",")[0]
    file = AudioFile(clip, clip.name)
    (found,) = predict_files(module, [file], Windowing(protocol=card.windows))
    assert isinstance(found, Prediction)
    assert len(found.audio) == 465984
    theirs = golden["outputs"]["mtat/fcn"]["clip_won2020_mean"]
    np.testing.assert_allclose(found.scores, theirs, rtol=0, atol=1e-4)
