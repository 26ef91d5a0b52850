"""Retrieval models with weights from a formula, against the reference code."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.audio.decode import decode
from datamodules.views.log_mel import LogMel
from lightning_modules.architectures.audio_retrieval import AudioRetrieval
from lightning_modules.architectures.cultural_retrieval import CulturalRetrieval
from lightning_modules.architectures.hybrid_retrieval import HybridRetrieval
from lightning_modules.architectures.retrieval_model import RetrievalModel
from lightning_modules.training.triplet import triplet_losses
from tests.support.formula import fill, signal
from tests.support.paths import DATA

GOLDEN = json.loads((DATA / "retrieval.json").read_text(encoding="utf-8"))
SAMPLES = GOLDEN["samples"]
EMBEDDING, LOGIT = 5e-6, 1e-6
LISTENING = np.cos(0.0023 * np.arange(1, 1201.0) ** 2).reshape(6, 200).astype(np.float32)
WORDS = torch.from_numpy(np.sin(0.0017 * np.arange(1, 1801.0) ** 2).reshape(6, 300)).float()


def levels_of(*clips: np.ndarray) -> torch.Tensor:
    """Return the spectrograms (B, 1, 128, frames) that the reference was run on."""
    view = LogMel(sample_rate=22050, seconds=None, bands=128, n_fft=1024, hop=512)
    return torch.from_numpy(np.stack([view.compute(clip).T for clip in clips]))[:, None]


def filled(model: RetrievalModel) -> Any:
    overrides = {k: v for k, v in GOLDEN["overrides"].items() if k in model.state_dict()}
    fill(model, GOLDEN["gain"], overrides)
    model.word_vectors.copy_(WORDS)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def audio_model() -> AudioRetrieval:
    model = AudioRetrieval.build(0, n_tags=6)
    assert model.n_params == GOLDEN["models"]["AudioModel"]["parameters"] == 3_816_322
    return filled(model)


@pytest.fixture(scope="module")
def chunks() -> torch.Tensor:
    audio = signal(4 * SAMPLES, 22050)
    levels = levels_of(audio[:SAMPLES], audio[3 * SAMPLES :])
    for item, stats in zip(levels, GOLDEN["spec_stats"], strict=True):
        np.testing.assert_allclose(item.mean(), stats["mean"], atol=1e-4)
    return levels


def test_audio_embeddings_and_cosines_are_those_of_the_reference(audio_model, chunks):
    golden = GOLDEN["models"]["AudioModel"]
    tags, songs = audio_model.embed_words(WORDS), audio_model.song_vector(chunks)
    np.testing.assert_allclose(tags[:, :8], golden["tags_first8"], atol=EMBEDDING)
    np.testing.assert_allclose(songs[:, :8], golden["songs_first8"], atol=EMBEDDING)
    cosines = torch.tanh(audio_model.song_logits(songs) / 2).T  # tags x songs
    np.testing.assert_allclose(cosines, golden["cosine"], atol=LOGIT)
    # A track has the mean embedding of its chunks; the probability is (cosine + 1) / 2.
    np.testing.assert_allclose(songs.mean(0)[:8], golden["track_of_two_first8"], atol=EMBEDDING)
    scores = audio_model.aggregate(songs, torch.tensor([0, 0]), 1)
    expected = (torch.cosine_similarity(songs.mean(0, keepdim=True), tags) + 1) / 2
    torch.testing.assert_close(scores[0], expected, atol=1e-6, rtol=0)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return the view of a file of listening vectors of 200 values."""
    path = tmp_path_factory.mktemp("vectors") / "listening.npz"
    np.savez(path, track_id=np.array([f"t{at}" for at in range(6)]), vector=LISTENING)
    return [{"name": "track_vectors", "path": str(path)}]


def test_listening_vectors_give_the_embeddings_of_the_reference(views):
    golden = GOLDEN["models"]["CFModel"]
    model = CulturalRetrieval.build(0, n_tags=6, views=views)
    assert model.n_params == golden["parameters"] == 521_728
    filled(model)
    rows = [model.view.of_track(f"t{at}", np.zeros(1, np.float32)) for at in range(6)]
    songs = model.embed(torch.from_numpy(np.stack(rows)))
    np.testing.assert_allclose(songs[:, :8], golden["songs_first8"], atol=EMBEDDING)
    cosines = torch.tanh(model.song_logits(songs) / 2).T
    np.testing.assert_allclose(cosines, golden["cosine"], atol=LOGIT)
    for margin, loss in golden["triplet"].items():
        tags = model.embed_words(WORDS)
        ours = triplet_losses(tags, songs, songs.roll(-1, 0), float(margin)).mean()
        np.testing.assert_allclose(ours, loss, atol=1e-6)


def test_hybrid_model_joins_the_mean_of_the_audio_with_the_listening_vector(views, chunks):
    golden = GOLDEN["models"]["HybridModel"]
    model = HybridRetrieval.build(0, n_tags=6, views=views)
    assert model.n_params == golden["parameters"] == 4_125_146
    filled(model)
    frames = chunks[:, 0].transpose(1, 2)  # (2, 173, 128)

    def rows(vectors: np.ndarray) -> torch.Tensor:
        return torch.cat([frames, torch.from_numpy(vectors)[:, None].expand(2, 173, 200)], dim=2)

    songs = model.embed(rows(LISTENING[:2]))
    np.testing.assert_allclose(songs[:, :8], golden["songs_first8"], atol=EMBEDDING)
    cosines = torch.tanh(model.song_logits(songs) / 2).T
    np.testing.assert_allclose(cosines, golden["cosine"], atol=LOGIT)
    track = model.song(model.window_outputs(rows(LISTENING[[0, 0]])).mean(0, keepdim=True))
    np.testing.assert_allclose(track[0, :8], golden["track_of_two_first8"], atol=EMBEDDING)


def test_front_end_gives_the_spectrogram_of_the_reference(audio_model, chunks):
    ours = audio_model.spec(torch.from_numpy(signal(SAMPLES, 22050))[None])
    torch.testing.assert_close(ours, chunks[:1], atol=0.02, rtol=0)


def test_audio_model_on_real_music(audio_model, shared_data):
    path = shared_data / "golden/05_tag_based_retrieval.json"
    file = json.loads(path.read_text(encoding="utf-8"))
    golden = file["models"]["AudioModel"]
    shapes = {key: tuple(shape) for key, shape, _ in golden["keys"]}
    ours = {key: tuple(value.shape) for key, value in audio_model.state_dict().items()}
    assert ours == {**shapes, "word_vectors": (6, 300)}
    music = decode(shared_data / "audio/fma_000005.mp3", 22050)
    other = decode(shared_data / "audio/vocadito_1.wav", 22050)
    clips = [clip[k * SAMPLES :][:SAMPLES] for clip, k in ((music, 0), (music, 5), (other, 0))]
    levels = levels_of(*clips)
    songs = audio_model.song_vector(levels)
    for song, stats in zip(songs, golden["song embedding (6,256)"][2:], strict=False):
        np.testing.assert_allclose(song[:8], stats["first8"], atol=EMBEDDING)
    long = torch.cat(tuple(levels[:, 0]), dim=1)[None, None, :, :400]
    found = audio_model.song_vector(long)[0, :8]
    first = golden["spec_to_embedding of 400 frames (items 2,3,4 joined, cut at 400)"]["first8"]
    np.testing.assert_allclose(found, first, atol=EMBEDDING)


def test_triplet_loss_is_that_of_the_reference():
    golden, n = GOLDEN["triplet"], torch.arange(1, 65, dtype=torch.float64).view(4, 16)
    anchor, positive = torch.sin(0.37 * n).float(), torch.sin(0.37 * n + 0.5).float()
    negative = torch.cos(0.11 * n * n).float()
    for margin, loss in golden["loss"].items():
        ours = triplet_losses(anchor, positive, negative, float(margin)).mean()
        np.testing.assert_allclose(ours, loss, atol=1e-6)
