"""The analysis of a track: the same scores as `tagbench predict`, and what they change by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf

from benchmark.predict.taggram import Taggram
from benchmark.ui.work.analysis import Analyst, Sound, analyse, difference
from datamodules.common.errors import TagbenchError
from tests.support import attention_model, level_model


class Recorder:
    """Takes the place of the connection to the server."""

    def __init__(self) -> None:
        self.shares: list[float] = []

    def progress(self, fraction: float, text: str) -> None:
        assert text
        self.shares.append(fraction)


@pytest.fixture
def listen(tmp_path: Path) -> Callable[..., dict]:
    level_model.checkpoint(tmp_path / "level")
    audio = level_model.steps(tmp_path / "a.wav", [0.0, 0.5, 0.25])
    np.save(tmp_path / "a.npy", audio)
    source = {
        "kind": "upload", "key": "a", "file": str(tmp_path / "a.npy"), "rate": level_model.RATE,
        "track": "a", "seed": 0,
    }  # fmt: skip
    analyst, recorder = Analyst(tmp_path), Recorder()

    def run(condition: str) -> dict:
        payload = {
            "kind": "listen", "models": [("m", str(tmp_path / "level"))],
            "source": source, "condition": condition,
        }  # fmt: skip
        result = analyst.run(payload, recorder)
        assert recorder.shares[0] == 0
        assert max(recorder.shares) <= 1
        return result

    return run


def test_scores_are_those_of_the_model_clean_and_perturbed(listen, tmp_path: Path):
    gains = np.linspace(1.0, -2.0, 3)
    expected = level_model.sigmoid(np.outer([0.0, 0.5, 0.25], gains))
    result = listen("gain:1")
    (model,) = result["models"]
    assert model["tags"] == ("up", "flat", "down")
    gram = model["grams"]["clean"]
    np.testing.assert_allclose(gram["scores"], expected, atol=1e-4)
    np.testing.assert_allclose(gram["starts"], [0.0, 0.5, 1.0])
    np.testing.assert_allclose(model["clean"], expected.mean(0), atol=1e-4)
    assert model["attention"] is None

    # Both files have one gain: their samples differ as the perturbed track from the clean one.
    files = [
        tmp_path / "audio" / f"{result[name]['digest']}.wav" for name in ("clean", "perturbed")
    ]
    clean, perturbed = (sf.read(file)[0] for file in files)
    factor = perturbed[5000] / clean[5000]
    assert factor != pytest.approx(1.0, abs=0.05)
    again = level_model.sigmoid(np.outer(factor * np.array([0.0, 0.5, 0.25]), gains))
    np.testing.assert_allclose(model["perturbed"], again.mean(0), atol=1e-3)
    change = np.array(model["grams"]["difference"]["scores"])
    np.testing.assert_allclose(change, again - expected, atol=1e-3)


def test_a_clean_analysis_changes_nothing_and_several_conditions_are_refused(listen):
    result = listen("clean")
    (model,) = result["models"]
    assert model["clean"] == model["perturbed"]
    assert result["clean"] == result["perturbed"]
    with pytest.raises(TagbenchError, match="choose one severity"):
        listen("white_noise")


def test_the_attention_of_each_head_is_relative_to_its_maximum():
    model = attention_model.random_model()
    card = SimpleNamespace(tags=attention_model.TAGS, title="Tiny", windows="tiled")
    moments = 2 * attention_model.MOMENTS + 5
    sound = Sound("a", attention_model.noise(moments), attention_model.RATE)
    attention = analyse(model, card, sound, lambda share, text: None)["attention"]
    heads = np.array(attention["heads"])
    assert heads.shape == (attention_model.HEADS, moments) == (2, len(attention["times"]))
    assert heads.max(1).tolist() == [1.0, 1.0]
    assert attention["covered"] == attention["seconds"]


def test_the_difference_follows_the_tempo():
    scores = np.arange(8.0).reshape(8, 1)
    clean = Taggram(("a",), np.arange(8.0), 1.0, 8.0, scores)
    faster = Taggram(("a",), np.arange(4.0), 1.0, 4.0, scores[::2] + 0.5)
    change = difference(clean, faster)[:, 0]
    np.testing.assert_allclose(change, [0.5, -0.5] * 4)
