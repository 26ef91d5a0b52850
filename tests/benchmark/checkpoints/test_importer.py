"""Importing published weights: all nine layouts, the report, and what does not fit."""

from __future__ import annotations

import json
import math

import pytest
import torch
from typer.testing import CliRunner

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.layouts import MODEL_ALIASES
from benchmark.cli import app
from datamodules.common.errors import TagbenchError
from datamodules.labels import vocabularies
from lightning_modules.architectures.fcn import FCN
from tests.support import won2020_layouts
from tests.support.won2020_import import import_state, imported_weights, save_state
from tests.support.won2020_layouts import LAYOUTS, Layout

BY_MODEL = {layout.model: layout for layout in LAYOUTS}


def learned(layout: Layout) -> list[str]:
    stats = ("running_mean", "running_var", "num_batches_tracked")
    return [
        name for name in layout.shapes if name not in layout.constants and not name.endswith(stats)
    ]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.model)
def test_table_of_layouts_has_published_sizes(layout):
    assert len(layout.shapes) == layout.n_entries
    assert sum(math.prod(layout.shapes[name]) for name in learned(layout)) == layout.n_learned


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.model)
def test_every_tensor_of_every_layout_is_loaded(layout, tmp_path):
    state = layout.tensors()
    imported = import_state(tmp_path, state, layout.model)
    report, tensors = imported.report, imported_weights(imported)
    assert set(report.regenerated) == set(layout.constants)
    assert set(report.loaded) == set(state) - set(layout.constants)
    assert report.missing == report.unexpected == ()
    assert imported.folder.name == f"{MODEL_ALIASES.get(layout.model, layout.model)}-mtat"
    for name in report.loaded:
        assert torch.equal(tensors[name], state[name]), name
    assert len(tensors) == len(report.loaded)
    module, card = load_checkpoint(imported.folder)
    assert module.n_params == layout.n_learned
    assert card.tags == vocabularies.MTAT_TOP50
    assert card.windows == "won2020"


def test_weights_of_other_precision_are_converted(fcn_state, tmp_path):
    state = {n: v.double() if v.is_floating_point() else v for n, v in fcn_state.items()}
    assert torch.equal(
        imported_weights(import_state(tmp_path, state))["dense.bias"], fcn_state["dense.bias"]
    )


def test_size_of_architecture_comes_from_file(tmp_path):
    state = Layout("musicnn", 72, 7_972_000, (), won2020_layouts.musicnn(512, 500)).tensors()
    imported = import_state(tmp_path, state, "musicnn", "msd")
    assert imported.card.model == "musicnn_msd"
    assert imported.card.architecture.params["n_channels"] == 512
    assert imported.card.tags == vocabularies.MSD_LASTFM50
    assert "musicnn_msd, another size of musicnn" in imported.report.notes[0]


def test_bands_of_front_end_come_from_file(tmp_path):
    state = Layout("fcn", 44, 447_732, (), won2020_layouts.fcn(128)).tensors()
    imported = import_state(tmp_path, state)
    assert imported.card.architecture.params["n_mels"] == 128


def test_card_says_what_the_weights_are(fcn_state, tmp_path):
    imported = import_state(tmp_path, fcn_state, dataset="jamendo")
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
    report = import_state(tmp_path, fcn_state).report
    assert report.missing == ("spec_bn.num_batches_tracked",)
    assert report.unexpected == ("criterion.pos_weight",)
    assert len(report.notes) == 1  # the random window
    assert "spec.spectrogram.window differs" in report.notes[0]


def test_stored_constants_that_are_right_cause_no_note(fcn_state, tmp_path):
    import torchaudio

    mel = torchaudio.functional.melscale_fbanks(257, 0.0, 8000.0, 96, 16000)
    fcn_state |= {"spec.spectrogram.window": torch.hann_window(512), "spec.mel_scale.fb": mel}
    assert import_state(tmp_path, fcn_state).report.notes == ()


def test_command_line_reports_and_writes(fcn_state, tmp_path):
    file, out = save_state(tmp_path, fcn_state), tmp_path / "out"
    arguments = ["--model", "fcn", "--dataset", "mtat", "--out", str(out)]
    result = CliRunner().invoke(app, ["import-checkpoint", str(file), *arguments])
    assert result.exit_code == 0
    assert "spec.mel_scale.fb" in result.output
    assert sorted(path.name for path in (out / "fcn-mtat").iterdir()) == [
        "card.json",
        "model.safetensors",
    ]


def test_tensors_that_do_not_fit_are_named(fcn_state, tmp_path):
    fcn_state["layer4.conv.weight"] = torch.zeros(128, 128, 5, 5)
    fcn_state["layer2.bn.running_var"][7] = math.nan
    del fcn_state["layer1.conv.bias"], fcn_state["layer5.bn.running_mean"]
    with pytest.raises(TagbenchError) as caught:
        import_state(tmp_path, fcn_state)
    text = str(caught.value)
    assert "does not fit model fcn.\nWrong entries, 4 in all:" in text
    assert "layer4.conv.weight: expected (128, 128, 3, 3), got (128, 128, 5, 5)" in text
    assert "layer1.conv.bias: expected (64,), missing in the file" in text
    assert "layer5.bn.running_mean: expected (64,), missing in the file" in text
    assert "layer2.bn.running_var: contains NaN or infinity" in text
    assert not (tmp_path / "out").exists()


def test_wrong_architecture_suggests_the_right_one(tmp_path):
    with pytest.raises(
        TagbenchError, match=r"does not fit model fcn.* fit --model short_chunk_cnn"
    ):
        import_state(tmp_path, BY_MODEL["short_res"].tensors())


def test_mel_bands_that_no_size_has_are_refused(fcn_state, tmp_path):
    fcn_state["spec.mel_scale.fb"] = torch.zeros(257, 80)
    with pytest.raises(TagbenchError, match=r"spec.mel_scale.fb: expected 96 mel bands, got 80"):
        import_state(tmp_path, fcn_state)


def test_tags_must_fit_the_outputs(fcn_state, tmp_path):
    fcn_state["dense.weight"], fcn_state["dense.bias"] = torch.ones(3, 64), torch.ones(3)
    with pytest.raises(TagbenchError, match="has 3 outputs, but dataset 'mtat' names 50 tags"):
        import_state(tmp_path, fcn_state)
    with pytest.raises(TagbenchError, match=r"'mine' are not known. Name the 3 outputs"):
        import_state(tmp_path, fcn_state, dataset="mine")
    with pytest.raises(TagbenchError, match="--tags is not a tag list: b stands twice"):
        import_state(tmp_path, fcn_state, dataset="mine", tags=["a", "b", "b"])
    imported = import_state(tmp_path, fcn_state, dataset="mine", tags=["a", "b", "c"])
    assert imported.card.tags == ("a", "b", "c")
    assert load_checkpoint(imported.folder)[0].n_tags == 3


def test_unknown_model_suggests_the_nearest(fcn_state, tmp_path):
    with pytest.raises(TagbenchError, match="Did you mean 'musicnn'"):
        import_state(tmp_path, fcn_state, "musicn")


def test_same_file_gives_same_bytes(fcn_state, tmp_path):
    first = import_state(tmp_path, fcn_state).folder
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    second = import_state(tmp_path, fcn_state).folder
    assert before == {path.name: path.read_bytes() for path in second.iterdir()}
