"""The taggers of the wheel ``musicnn``: their weights, their outputs, and damaged wheels."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.importer import import_checkpoint
from benchmark.checkpoints.pretrained import PRETRAINED
from benchmark.predict.inference import predict_track, predict_windows
from benchmark.predict.taggram import taggram
from datamodules.audio.decode import decode
from datamodules.common.errors import TagbenchError
from datamodules.labels.vocabularies import VOCABULARIES
from datamodules.loaders.windowing import Windowing, cut, window_starts
from tests.support.formula import signal
from tests.support.musicnn_wheel import bundle, variables, write_wheel
from tests.support.paths import DATA, ROOT

GOLDEN = json.loads((DATA / "musicnn_wheel.json").read_text(encoding="utf-8"))
NETWORKS = ("musicnn", "vgg")
WINDOWS = Windowing("musicnn")
NAMES = {"mtat": "MTT", "msd": "MSD"}


@pytest.fixture(scope="module")
def bundles() -> dict[str, tuple[bytes, bytes]]:
    return {network: bundle(variables(network)) for network in NETWORKS}


@pytest.fixture(scope="module")
def wheel(bundles, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("wheel") / "musicnn-0.1.0-py3-none-any.whl"
    return write_wheel(path, {f"MTT_{network}": files for network, files in bundles.items()})


@pytest.mark.parametrize("network", NETWORKS)
def test_every_variable_reaches_its_layer(wheel, tmp_path, network):
    imported = import_checkpoint(wheel, f"pons_{network}", "MTT", tmp_path)
    assert imported.folder == tmp_path / f"pons_{network}-mtat"
    assert imported.report.unexpected == ()
    assert all(name.endswith(".num_batches_tracked") for name in imported.report.missing)
    module, card = load_checkpoint(imported.folder)
    assert card.windows == "musicnn"
    assert card.tags == VOCABULARIES["mtat"]
    assert module.n_params == GOLDEN[network]["parameters"]
    audio = signal(160_000)
    starts = window_starts(len(audio), module.input_samples, WINDOWS)
    windows = torch.from_numpy(cut(audio, starts, module.input_samples))
    with torch.inference_mode():
        logits = module(windows)
        layers = module.embed_layers(windows)
        embedding = module.embed(windows)
    expected = GOLDEN[network]
    np.testing.assert_allclose(logits[0], expected["logits of the first window"], atol=1e-4)
    means = expected["means of the logits of the other windows"]
    np.testing.assert_allclose(logits[1:].mean(1), means, atol=1e-4)
    assert tuple(layers) == module.layer_names
    torch.testing.assert_close(layers[module.layer_names[-1]], embedding)


@pytest.mark.parametrize(("name", "trained"), PRETRAINED.items(), ids=list(PRETRAINED))
def test_released_weights_give_released_outputs(name, trained, shared_data):
    golden = json.loads((shared_data / "golden/09_musicnn_wheel.json").read_text(encoding="utf-8"))
    folder = ROOT / "checkpoints" / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: it is made by make pretrained")
    model, dataset = trained
    module, card = load_checkpoint(folder)
    expected = golden["models"][f"{NAMES[dataset]}_{model.removeprefix('pons_')}"]
    assert list(card.tags) == golden[f"{NAMES[dataset]}_LABELS"]
    assert module.n_params == expected["trainable parameters"]
    clip = shared_data / "audio/mtat_joram-moments_of_clarity-08-solipsism-59-88.mp3"
    for key, audio in (("formula", signal(160_000)), ("mtat", decode(clip, 16000))):
        starts = window_starts(len(audio), module.input_samples, WINDOWS)
        last = torch.from_numpy(cut(audio, starts[-1:], module.input_samples))
        patch, stored = module.spec(last)[0, 0].T, golden["patches"][key]["last"]
        assert [len(starts), *patch.shape] == golden["patches"][key]["shape"]
        np.testing.assert_allclose(patch[0, :8], stored["first8"], atol=1e-3)
        scores = predict_windows(module, audio, starts[[0, -1]])
        theirs = [expected[key][f"{which} window, whole"] for which in ("first", "last")]
        np.testing.assert_allclose(scores, theirs, atol=2e-5)
    means = predict_track(module, signal(160_000), WINDOWS)
    np.testing.assert_allclose(means, expected["formula"]["mean over windows, whole"], atol=2e-5)
    if name == "pons_musicnn-mtat":
        overlapping = golden["MTT_musicnn, formula, input_overlap=1"]
        # The package takes its overlap of one second for a distance of 61 frames.
        gram = taggram(module, card.tags, signal(160_000), 61 * 256 / 16000, WINDOWS)
        assert list(gram.scores.shape) == overlapping["shape"]
        np.testing.assert_allclose(gram.scores.mean(0), overlapping["mean, whole"], atol=2e-5)


def test_wheels_that_cannot_be_read_say_why(wheel, bundles, tmp_path):
    index, data = bundles["vgg"]
    content = wheel.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) * 3 // 4] ^= 255  # in the data of vgg
    broken = tmp_path / "broken.whl"

    def refuse(pattern: str) -> None:
        with pytest.raises(TagbenchError, match=pattern):
            import_checkpoint(broken, "pons_vgg", "mtat", tmp_path)
        assert not (tmp_path / "pons_vgg-mtat").exists()

    for damaged in (content[:-100], bytes(flipped), b"", b"<html>"):
        broken.write_bytes(damaged)
        refuse("is damaged: .* Download it again")
    for files, pattern in (
        ((index[:-1], data), "no footer of a LevelDB table"),
        ((index, data[:-4]), "beyond the end of the data"),
        ((index, b"\0\0\xc0\x7f" + bytes(len(data) - 4)), "NaN or infinity"),
    ):
        write_wheel(broken, {"MTT_vgg": files})
        refuse(pattern)
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("musicnn/__init__.py", "raise SystemExit")
    refuse("is not musicnn-0.1.0-py3-none-any.whl: it has no musicnn/MTT_vgg")
    with zipfile.ZipFile(broken, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("musicnn/MTT_vgg/.index", bytes(2**20 + 1))
    refuse("would have 1048577 bytes")


def test_networks_and_datasets_that_the_wheel_lacks_are_named(wheel, tmp_path):
    for model, dataset in (("musicnn", "mtat"), ("pons_vgg", "jamendo")):
        with pytest.raises(TagbenchError, match="pons_musicnn and pons_vgg for --dataset mtat"):
            import_checkpoint(wheel, model, dataset, tmp_path)
