"""Analysis of one track by several models, clean and perturbed; runs in the worker process.

Shapes: T samples, W windows, C tags, H heads, M moments.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import determinism
from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.config.card import CheckpointCard
from benchmark.malloc import keep_freed_memory
from benchmark.perturbations import CLEAN, Condition, perturb, resolve, warm_up
from benchmark.predict.attention import explain
from benchmark.predict.inference import MAX_WINDOWS, predict_track, predict_windows
from benchmark.predict.taggram import Taggram, hop_starts
from benchmark.ui.work.players import players
from benchmark.ui.work.reporting import Payload, Reporter
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.loaders.windowing import Windowing
from datamodules.views.resample import at_rate
from datamodules.views.waveform import Waveform
from lightning_modules.base import TaggingModule
from lightning_modules.layers.attention import AttentionModel

Float32 = np.typing.NDArray[np.float32]
Float64 = np.typing.NDArray[np.float64]

_MODELS = 6  # that stay loaded
_RESULTS = 64  # of a model and a condition
_SOUNDS = 4  # tracks, clean or perturbed
_ATTENTION_SECONDS = 120.0  # from the start of the track
_DIGITS = 4


@dataclass(frozen=True)
class Sound:
    """A track under one condition.

    Attributes:
        key: Name of the track and the condition.
        audio: Samples (T,).
        rate: Sample rate in Hz.
    """

    key: str
    audio: Float32
    rate: int


class Analyst:
    """Applies models to tracks, and keeps the models and the latest results.

    Args:
        scratch: Folder of the audio files that are played.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._models: OrderedDict[str, tuple[TaggingModule, CheckpointCard]] = OrderedDict()
        self._sounds: OrderedDict[str, Sound] = OrderedDict()
        self._results: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
        keep_freed_memory()

    def run(self, payload: Payload, reporter: Reporter) -> dict[str, Any]:
        """Run one job.

        Args:
            payload: ``kind`` is ``"load"`` or ``"listen"``; ``models`` holds the ids and folders.
                To listen, ``source`` describes the track and ``condition`` selects a perturbation.
            reporter: Receives the progress.

        Raises:
            TagbenchError: A model or a track cannot be read, or a condition is unknown.
        """
        if payload["kind"] == "load":
            return self._load(payload, reporter)
        return self._listen(payload, reporter)

    def _load(self, payload: Payload, reporter: Reporter) -> dict[str, Any]:
        """Load models, and run each once, so that the first analysis finds all code imported."""
        for number, (identifier, folder) in enumerate(payload["models"]):
            reporter.progress(number / len(payload["models"]), "loading")
            module, _ = self._model(identifier, folder)
            if module.view is None:
                starts = np.zeros(1, np.int64)
                predict_windows(module, np.zeros(module.input_samples, np.float32), starts)
        return {}

    def _listen(self, payload: Payload, reporter: Reporter) -> dict[str, Any]:
        (condition,) = _one_condition(payload["condition"])
        conditions = list(dict.fromkeys((CLEAN, condition)))
        sounds = []
        for part in conditions:
            reporter.progress(0.0, "reading" if part == CLEAN else "perturbing")
            sounds.append(self._sound(payload["source"], part))
        reporter.progress(0.1, "writing audio")
        heard = players(sounds[0].audio, sounds[-1].audio, sounds[0].rate, self._scratch)
        models: list[dict[str, Any]] = []
        steps = len(payload["models"]) * len(sounds)
        for identifier, folder in payload["models"]:
            results: list[dict[str, Any]] = []
            for sound in sounds:
                done = len(models) * len(sounds) + len(results)

                def step(share: float, text: str, done: int = done) -> None:
                    reporter.progress(0.15 + 0.85 * (done + share) / steps, text)

                results.append(self._analyse(identifier, folder, sound, step))
            models.append(self._shown(identifier, folder, results[0], results[-1]))
        return {**heard, "condition": condition.label, "models": models}

    def _model(self, identifier: str, folder: str) -> tuple[TaggingModule, CheckpointCard]:
        if identifier not in self._models:
            module, card = load_checkpoint(Path(folder), "")
            determinism.configure(str(module.device))
            self._models[identifier] = module, card
        return _latest(self._models, identifier, _MODELS)

    def _sound(self, source: Payload, condition: Condition) -> Sound:
        """Return a track under a condition, from the cache where it is there."""
        key = f"{source['key']} {condition.label}"
        if key not in self._sounds:
            if condition == CLEAN:
                self._sounds[key] = _read(source, key)
            else:
                clean = self._sound(source, CLEAN)
                warm_up([condition], clean.rate)
                audio = perturb(
                    clean.audio, clean.rate, condition,
                    seed=source["seed"], track_id=source["track"],
                )  # fmt: skip
                self._sounds[key] = Sound(key, audio, clean.rate)
        return _latest(self._sounds, key, _SOUNDS)

    def _analyse(
        self, identifier: str, folder: str, sound: Sound, step: Callable[[float, str], None]
    ) -> dict[str, Any]:
        """Return what a model says of a track, from the cache where it is there."""
        module, card = self._model(identifier, folder)
        key = (identifier, sound.key)
        if key not in self._results:
            result = analyse(module, card, sound, step)
            self._results[key] = result
        return _latest(self._results, key, _RESULTS)

    def _shown(
        self, identifier: str, folder: str, clean: dict[str, Any], perturbed: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the result of one model as JSON values."""
        _, card = self._model(identifier, folder)
        before, after = clean["gram"], perturbed["gram"]
        return {
            "id": identifier, "title": card.title, "dataset": card.dataset, "tags": card.tags,
            "clean": _rounded(clean["scores"]), "perturbed": _rounded(perturbed["scores"]),
            "grams": {
                "clean": _gram(before), "perturbed": _gram(after),
                "difference": {**_gram(before), "scores": _rounded(difference(before, after))},
            },
            "attention": {
                "clean": clean["attention"], "perturbed": perturbed["attention"],
            } if clean["attention"] else None,
        }  # fmt: skip


def analyse(
    module: TaggingModule,
    card: CheckpointCard,
    sound: Sound,
    step: Callable[[float, str], None],
) -> dict[str, Any]:
    """Return the scores, the taggram and the attention of a model for a track.

    Args:
        module: Model in evaluation mode, on its device.
        card: Card of its checkpoint.
        sound: The track.
        step: Receives the share that is done and the current step.

    Returns:
        ``scores`` (C,), ``gram`` and ``attention``, which is None for a model without it.

    Raises:
        TagbenchError: The input of the model is not audio, or a score is not a number.
    """
    view = module.view or Waveform(module.sample_rate)
    if not view.reads_audio:
        raise TagbenchError(f"{card.title} cannot be applied to a track: its input is not audio.")
    step(0.0, f"{card.title}: reading the input")
    audio = at_rate(sound.audio, sound.rate, view.sample_rate)
    values, seconds = view.compute(audio), len(sound.audio) / sound.rate
    window = module.input_samples
    starts = hop_starts(len(values), window, window)
    rows = []
    for first in range(0, len(starts), MAX_WINDOWS):
        step(0.8 * first / len(starts), f"{card.title}: window {first + 1} of {len(starts)}")
        rows.append(predict_windows(module, values, starts[first : first + MAX_WINDOWS]))
    scores = np.concatenate(rows)
    second = seconds / len(values)  # of one value
    gram = Taggram(card.tags, starts.astype(np.float64) * second, window * second, seconds, scores)
    track = scores.mean(0)
    if card.windows != "tiled" or module.custom_aggregate:
        step(0.8, f"{card.title}: scores of the track")
        track = predict_track(module, audio, Windowing(card.windows))
    if not (np.isfinite(scores).all() and np.isfinite(track).all()):
        raise TagbenchError(f"The scores of {card.title} contain NaN or infinity.")
    attention = None
    if isinstance(module, AttentionModel) and module.attentions:
        step(0.9, f"{card.title}: attention")
        attention = _attention(module, card, audio)
    return {"scores": track, "gram": gram, "attention": attention}


def difference(clean: Taggram, perturbed: Taggram) -> Float64:
    """Return the change of each probability (W, C) in the windows of the clean track.

    A window is compared with the perturbed window whose centre is nearest, relative to the length
    of each track, because a perturbation may change the tempo.
    """
    places = [
        np.minimum((gram.starts + gram.window / 2) / gram.seconds, 1.0)
        for gram in (clean, perturbed)
    ]
    nearest = np.abs(places[0][:, None] - places[1][None]).argmin(1)
    change: Float64 = perturbed.scores[nearest] - clean.scores
    return change


def _attention(module: TaggingModule, card: CheckpointCard, audio: Float32) -> dict[str, Any]:
    """Return the attention that each moment receives in the last layer, as JSON values.

    It is divided by its maximum for each head (H, M).
    """
    part = audio[: round(_ATTENTION_SECONDS * module.sample_rate)]
    explanation = explain(module, card.tags, part)
    received = explanation.received[-1]
    scaled = received / np.maximum(received.max(1, keepdims=True), 1e-12)
    return {
        "times": _rounded(explanation.times), "heads": _rounded(scaled),
        "seconds": len(audio) / module.sample_rate, "covered": explanation.stop,
    }  # fmt: skip


def _one_condition(selection: str) -> tuple[Condition]:
    conditions = resolve(selection)
    if len(conditions) != 1:
        raise TagbenchError(
            f"{selection!r} selects {len(conditions)} conditions: choose one severity."
        )
    return (conditions[0],)


def _read(source: Payload, key: str) -> Sound:
    """Return the clean track of a source: a row of a corpus, or a file of samples."""
    if source["kind"] == "corpus":
        corpus = Corpus.open(source["root"])
        return Sound(key, corpus.audio(source["row"]), corpus.sample_rate)
    audio = np.load(source["file"], allow_pickle=False)
    return Sound(key, audio, source["rate"])


def _gram(gram: Taggram) -> dict[str, Any]:
    return {
        "starts": _rounded(gram.starts), "window": gram.window, "seconds": gram.seconds,
        "scores": _rounded(gram.scores),
    }  # fmt: skip


def _rounded(values: Float64) -> Any:
    return np.round(values.astype(np.float64), _DIGITS).tolist()


def _latest(cache: OrderedDict[Any, Any], key: Any, most: int) -> Any:
    """Return an entry of a cache and mark it as the latest; drop the oldest above ``most``."""
    cache.move_to_end(key)
    while len(cache) > most:
        cache.popitem(last=False)
    return cache[key]
