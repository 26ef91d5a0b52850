"""The interface of HEAR: shapes, times, and agreement with the embeddings of the suite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark import hear
from benchmark.embed.windows import embed_track
from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Windowing
from datamodules.views.resample import at_rate
from tests.support.layered_model import RATE, WINDOW, Layered, checkpoint


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> hear.HearModel:
    return hear.load_model(str(checkpoint(tmp_path_factory.mktemp("hear") / "model")))


def sounds(model: hear.HearModel, seconds: float, n_sounds: int = 2) -> torch.Tensor:
    rng = np.random.RandomState(1)
    audio = 0.3 * rng.standard_normal((n_sounds, int(seconds * model.sample_rate)))
    return torch.from_numpy(audio.astype(np.float32))


@pytest.mark.parametrize("seconds", [0.2, 1.98])
def test_scenes_are_the_embeddings_of_the_suite(model: hear.HearModel, seconds: float):
    assert (model.sample_rate, model.module.sample_rate) == (16000, RATE)  # 8 kHz is not of HEAR
    audio = sounds(model, seconds)
    scenes = hear.get_scene_embeddings(audio, model)
    assert scenes.shape == (2, model.scene_embedding_size) == (2, 6)
    for sound, scene in zip(audio.numpy(), scenes, strict=True):
        values = at_rate(sound, 16000, RATE)
        rows = embed_track(model.module, values, seconds, Windowing(), ("penultimate",))
        np.testing.assert_allclose(scene, rows.vectors["penultimate"][0], atol=1e-6)


def test_timestamps_are_centres_of_windows(model: hear.HearModel):
    audio = sounds(model, 1.07)
    embeddings, times = hear.get_timestamp_embeddings(audio, model)
    assert times[0].tolist() == times[1].tolist() == [50.0 * number for number in range(22)]
    assert embeddings.shape == (2, 22, model.timestamp_embedding_size)
    half, values = WINDOW // 2, at_rate(audio[1].numpy(), 16000, RATE)
    padded = np.pad(values, half)
    for number in (0, 7, 21):  # the first, one without padding, and the last
        centre = 400 * number
        window = torch.from_numpy(padded[centre : centre + WINDOW])[None]
        with torch.no_grad():
            expected = model.module.embed(
                torch.nn.functional.pad(window, (0, WINDOW - window.shape[1]))
            )
        np.testing.assert_allclose(embeddings[1, number], expected[0], atol=1e-6)
    again, _ = hear.get_timestamp_embeddings(audio, model)
    assert torch.equal(again, embeddings)


def test_times_do_not_drift():
    # at 22,050 Hz, 25 ms are 551.25 samples
    module = Layered.build(0, n_tags=1).eval()
    module.sample_rate = 22050
    model = hear.HearModel(module, Windowing(), "levels", 25.0)
    audio = torch.zeros(1, 22050 * 60)
    audio[0, 22050 * 50] = 1.0
    embeddings, times = hear.get_timestamp_embeddings(audio, model)
    around = times[0][embeddings[0, :, 0] > 0]
    assert float(around.mean()) == pytest.approx(50_000, abs=13)


def test_the_device_of_the_wrapper_is_that_of_the_tagger():
    model = hear.HearModel(Layered.build(0, n_tags=1).eval(), Windowing(), "levels", 50.0)
    assert model.to("meta").module.device.type == "meta"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "name the folder of a checkpoint"),
        (("model", "last"), "Unknown layer 'last'"),
        (("model", "", "tile"), "Unknown window protocol 'tile'"),
        (("model", "", "", 0.0), "hop_ms must be above 0"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, arguments: tuple, message: str):
    path, *rest = arguments
    folder = str(checkpoint(tmp_path / path)) if path else ""
    with pytest.raises(TagbenchError, match=message):
        hear.load_model(folder, *rest)
