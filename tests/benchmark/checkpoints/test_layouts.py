"""Importing the published files of the Music Tagging Transformer, and rules of key layouts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio
from torch import Tensor
from typer.testing import CliRunner

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.importer import import_checkpoint
from benchmark.checkpoints.layouts import Layout
from benchmark.cli import app
from datamodules.common.errors import TagbenchError
from datamodules.labels.vocabularies import MSD_CALS50
from lightning_modules.architectures.clmr_sample_cnn import CLMRSampleCNN
from lightning_modules.architectures.music_tagging_transformer import MusicTaggingTransformer
from tests.support.formula import fill, signal
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "music_tagging_transformer.json").read_text(encoding="utf-8"))
TEACHER, STUDENT = "teacher_c128_d256", "compact_student_c128_d64"


def entries(variant: str, prefix: str) -> dict[str, Tensor]:
    """Return formula weights under the published names, with the constants of the front end."""
    params = GOLDEN["variants"][variant]["params"]
    model = MusicTaggingTransformer.build(0, n_tags=50, **params)
    fill(model, GOLDEN["gain"], GOLDEN["overrides"])
    constants = {
        "spec.spectrogram.window": torch.hann_window(1024),
        "spec.mel_scale.fb": torchaudio.functional.melscale_fbanks(513, 0, 11025.0, 128, 22050),
    }
    state = model.state_dict() | constants
    assert len(state) == 108
    return {f"{prefix}.{name}": value for name, value in state.items()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    teacher, student = entries(TEACHER, "network"), entries(STUDENT, "network")
    torch.save(teacher, folder / "teacher.ckpt")
    torch.save(student | entries(TEACHER, "teacher_network"), folder / "compact_student.ckpt")
    return folder


@pytest.mark.parametrize(
    ("file", "model", "variant"),
    [
        ("teacher.ckpt", "music_tagging_transformer", TEACHER),
        ("compact_student.ckpt", "music_tagging_transformer_student", STUDENT),
    ],
)
def test_published_files_are_imported_from_the_command_line(file, model, variant, files, tmp_path):
    arguments = ["--model", model, "--dataset", "msd", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, ["import-checkpoint", str(files / file), *arguments])
    assert result.exit_code == 0, result.output
    module, card = load_checkpoint(tmp_path / f"{model}-msd_cals")
    assert card.tags == MSD_CALS50
    audio = torch.from_numpy(signal(GOLDEN["samples"], 22050))[None]
    with torch.inference_mode():
        ours = module.probabilities(module(audio))[0]
    np.testing.assert_allclose(ours, GOLDEN["variants"][variant]["sigmoids"], atol=1e-5)


def test_every_entry_is_accounted_for(files, tmp_path):
    file = files / "compact_student.ckpt"
    # The name of the teacher's YAML is corrected by the sizes in the file.
    imported = import_checkpoint(file, "music_tagging_transformer", "msd", tmp_path)
    report = imported.report
    assert imported.card.model == "music_tagging_transformer_student"
    assert len(report.loaded) == 106
    assert report.regenerated == ("spec.spectrogram.window", "spec.mel_scale.fb")
    assert report.missing == report.unexpected == ()
    assert len(report.ignored) == 108
    assert all(name.startswith("teacher_network.") for name in report.ignored)
    tags, size = report.notes
    assert "predict the tags of msd_cals" in tags
    assert "another size of music_tagging_transformer" in size


def test_own_tags_are_not_replaced(files, tmp_path):
    tags = [f"tag {index}" for index in range(50)]
    file = files / "teacher.ckpt"
    imported = import_checkpoint(file, "music_tagging_transformer", "msd", tmp_path, tags)
    assert (imported.card.dataset, list(imported.card.tags)) == ("msd", tags)


def test_wrong_architecture_names_the_right_one(files, tmp_path):
    with pytest.raises(TagbenchError, match=r"fcn.* fit --model music_tagging_transformer\."):
        import_checkpoint(files / "teacher.ckpt", "fcn", "msd", tmp_path)


def test_file_without_a_known_output_layer_is_refused(tmp_path):
    torch.save({"encoder.conv.weight": torch.ones(3)}, tmp_path / "other.pth")
    with pytest.raises(
        TagbenchError, match=r"has no output layer .* mlp_head.1.weight \(Won et al. 2021\)"
    ):
        import_checkpoint(tmp_path / "other.pth", "fcn", "msd", tmp_path)


def test_layout_strips_ignores_and_renames():
    layout = Layout(
        source="test",
        heads=("fc.weight",),
        prefix="encoder.",
        ignored=("projector.",),
        renamed={"sequential.": "layers."},
    )
    one, two, three = torch.ones(1), torch.ones(2), torch.ones(3)
    tensors, ignored = layout.apply(
        {"encoder.sequential.0.bias": one, "projector.0.weight": two, "encoder.fc.weight": three}
    )
    assert tensors == {"layers.0.bias": one, "fc.weight": three}
    assert ignored == ("projector.0.weight",)
    assert layout.output_layer(tensors) is three
    assert layout.matches(["encoder.fc.weight"])
    assert not layout.matches(["projector.fc.weight"])


def test_supervised_network_of_clmr_is_imported(tmp_path):
    model = CLMRSampleCNN.build(0, n_tags=50)
    weights = {f"encoder.{name}": value for name, value in model.state_dict().items()}
    others = {"model.encoder.fc.bias": torch.ones(50), "model.projector.0.weight": torch.ones(2, 2)}
    torch.save({"state_dict": weights | others}, tmp_path / "clmr.ckpt")
    imported = import_checkpoint(tmp_path / "clmr.ckpt", "samplecnn", "magnatagatune", tmp_path)
    assert (imported.folder.name, imported.card.windows) == ("clmr_sample_cnn-mtat", "clmr")
    assert imported.report.ignored == tuple(others)
    assert imported.report.missing == imported.report.unexpected == ()
    assert torch.equal(load_checkpoint(imported.folder)[0].fc.weight, model.fc.weight)
