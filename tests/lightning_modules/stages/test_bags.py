"""Training on bags: the moments of features, the batches, and that a model learns from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from datamodules.base import TaggingDataModule
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from datamodules.corpus.track import Float32, Track
from datamodules.views.base import View
from datamodules.views.build import build_view
from lightning_modules.architectures.matt import MATT
from lightning_modules.inputs import InputSpec
from lightning_modules.stages.bags import Bags
from tests.support.noise_datamodule import set_epoch
from tests.support.small_module import SmallModule
from tests.support.sources import run

GENRES = ("hiss", "hum", "tone")


@dataclass(frozen=True)
class Sound:
    """A tone, a deep tone or noise, a little different in each track."""

    genre: str
    index: int

    @property
    def label(self) -> str:
        return f"{self.genre}/{self.index}"

    def sha256(self) -> str:
        return f"{self.index:064x}"

    def read(self, sample_rate: int) -> Float32:
        rng = rng_for("sound", self.index)
        t = np.arange(sample_rate // 4) / sample_rate
        pitch = {"hum": 120, "tone": 3000}.get(self.genre, 0) * rng.uniform(0.9, 1.1)
        share = 1.0 if self.genre == "hiss" else 0.1
        sound = np.sin(2 * np.pi * pitch * t) + share * rng.standard_normal(len(t))
        return (0.2 * sound).astype(np.float32)


class Sounds(TaggingDataModule):
    """Three genres of two albums of three tracks, in training and in validation."""

    name = "sounds"
    task = "singlelabel"
    tags = GENRES
    licence: ClassVar[str] = "none"

    def build_manifest(self) -> Sequence[Track]:
        return [
            Track(
                track_id=f"t{index:03d}",
                split="valid" if index >= 18 else "train",
                tags=(GENRES[index % 3],),
                source=Sound(GENRES[index % 3], index),
                artist=f"artist {index % 3} {index // 18}",
                album=f"album {index // 9}",
            )
            for index in range(36)
        ]


@dataclass(frozen=True)
class Shape(View):
    """Level and zero crossings of a track, under the names of features of FMA."""

    name: ClassVar[str] = "shape"
    sample_rate: int = 16000
    width: ClassVar[int] = 2  # type: ignore[misc]
    seconds_per_row: ClassVar[None] = None  # type: ignore[misc]
    columns: ClassVar[tuple[tuple[str, ...], ...]] = (("rmse", "mean"), ("zcr", "mean"))  # type: ignore[misc]

    def compute(self, audio: Float32) -> Float32:
        crossings = np.mean(np.diff(np.signbit(audio)))
        return np.array([[audio.std(), crossings]], np.float32)


class ShapeMATT(MATT):
    """MATT on two features that are computed in no time."""

    identity: ClassVar[str] = "ShapeMATT"

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        return InputSpec(16000, window=1, view=Shape())


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Sounds:
    root = tmp_path_factory.mktemp("sounds")
    data = Sounds(root=root, window=1, view=Shape(), batch_size=4, workers=0)
    corpus = run(data.build_manifest(), data.corpus_root, tags=GENRES, task="singlelabel")
    build_view(corpus, Shape(), np.arange(len(corpus)))
    return data


def test_a_model_learns_from_bags_what_it_predicts_for_bags_and_for_single_tracks(
    sounds: Sounds,
) -> None:
    data: Any = SimpleNamespace(labelled=sounds)
    model = ShapeMATT.build(0, n_tags=3, task="singlelabel", dropout=0.0)
    stage = Bags(parents={})
    stage.prepare(model, data)
    encoder: Any = model.encoder
    features = torch.from_numpy(sounds.track_features("train"))
    torch.testing.assert_close(encoder.standardise.mean, features.mean(0), rtol=1e-3, atol=1e-3)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-2)
    losses = []
    for epoch in range(40):
        set_epoch(sounds, epoch)
        for batch in stage.loaders(data)["bags"]:
            assert len(batch["track_ids"]) == 12  # four bags of three tracks
            loss = stage.loss(model, {"bags": batch})["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    model.eval()
    with torch.no_grad():
        for batch in stage.valid_loader(data):
            labels = batch["targets"].argmax(1)
            assert torch.equal(model.evaluate_batch(batch)[1].argmax(1), labels)
            del batch["bag"]
            assert torch.equal(model.evaluate_batch(batch)[1].argmax(1), labels)


def test_other_models_are_refused() -> None:
    with pytest.raises(TagbenchError, match="got SmallModule"):
        Bags(parents={}).prepare(SmallModule.build(0, n_tags=4), SimpleNamespace())  # type: ignore[arg-type]
