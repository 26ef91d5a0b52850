"""The command ``tagbench explain``."""

from __future__ import annotations

import numpy as np
import soundfile as sf
from typer.testing import CliRunner

from benchmark.checkpoints.checkpoint import save_checkpoint
from benchmark.cli import app
from benchmark.config.card import Source
from benchmark.config.identity import Architecture
from benchmark.predict.attention import explain
from datamodules.common.errors import TagbenchError
from tests.support.attention_model import FRAME, MOMENTS, RATE, TAGS, noise, random_model


def test_command_explains_a_part_of_a_file(tmp_path):
    model = random_model(len(TAGS))
    save_checkpoint(
        tmp_path / "tiny",
        model,
        model="tiny",
        title="Tiny",
        dataset="mine",
        architecture=Architecture(
            identity="TinyAttention",
            revision=1,
            params={},
            sample_rate=RATE,
            window=MOMENTS * FRAME,
        ),
        tags=TAGS,
        windows="tiled",
        source=Source(file="none", sha256="0" * 64),
    )
    audio = noise(2 * MOMENTS)
    sf.write(tmp_path / "x.wav", audio, RATE, subtype="FLOAT")
    given = ["explain", str(tmp_path / "x.wav"), "-c", str(tmp_path / "tiny")]
    where = ["--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*given, *where, "--start", "0.1", "--seconds", "0.6"])
    assert result.exit_code == 0
    assert result.output.count("Wrote ") == 5
    expected = explain(model, TAGS, audio[100:700], start=0.1)
    with np.load(tmp_path / "out/x.npz") as arrays:
        np.testing.assert_allclose(arrays["times"], expected.times)
        np.testing.assert_allclose(arrays["contributions"], expected.contributions, atol=1e-6)
    result = CliRunner().invoke(app, [*given, *where, "--start", "9"])
    assert isinstance(result.exception, TagbenchError)
    assert "x.wav is 1.20 s long" in str(result.exception)
