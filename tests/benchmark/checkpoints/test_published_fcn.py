"""The published FCN against stored outputs of the reference implementation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.importer import import_checkpoint
from benchmark.predict.audio_files import AudioFile, Prediction, predict_files
from benchmark.predict.inference import predict_windows
from datamodules.loaders.windowing import Windowing


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
    outputs = predict_windows(module, signal, np.array([0]))[0]
    expected = golden["outputs"]["mtat/fcn"]["synthetic_single_window"]
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5)


def test_published_fcn_gives_published_output_on_music(published, shared_data):
    folder, golden = published
    module, card = load_checkpoint(folder)
    clip = shared_data / golden["clip"].split(",")[0]
    file = AudioFile(clip, clip.name)
    (prediction,) = predict_files(module, [file], Windowing(protocol=card.windows))
    assert isinstance(prediction, Prediction)
    assert len(prediction.audio) == 465984
    expected = golden["outputs"]["mtat/fcn"]["clip_won2020_mean"]
    np.testing.assert_allclose(prediction.scores, expected, rtol=0, atol=1e-4)
