"""Times of the parts of a sweep: perturbing the tracks, and the forward passes of a model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from benchmark.perturbations import CLEAN, Condition, warm_up
from benchmark.perturbations.catalogue import catalogue_entry
from benchmark.predict.audio_stream import StreamConfig, TrackRequest, open_audio_stream
from benchmark.predict.inference import ModelRunner, batch_size
from datamodules.corpus.corpus import Corpus
from datamodules.loaders.windowing import Windowing, cut, window_starts


def time_perturbing(corpus: Corpus, conditions: Sequence[Condition], cores: int) -> float:
    """Return the seconds of decoding and perturbing each test track under each condition.

    Resampling, measuring effects and sending audio between processes are left out.

    Args:
        corpus: Prepared corpus.
        conditions: Conditions of the sweep.
        cores: Number of worker processes.
    """
    test = corpus.split("test")
    warm_up(conditions, corpus.sample_rate)
    with open_audio_stream(StreamConfig(corpus.root, (), measured=False), cores) as stream:
        for _ in stream(_requests(list(test.index[:cores]), test, CLEAN)):  # starts the processes
            pass
        start = time.perf_counter()
        for condition in conditions:
            for _ in stream(_requests(list(test.index), test, condition)):
                pass
        return time.perf_counter() - start


def _requests(rows: Sequence[int], test: pd.DataFrame, condition: Condition) -> list[TrackRequest]:
    return [TrackRequest(int(row), str(test["track_id"][row]), condition, 0) for row in rows]


def time_forward(
    model: ModelRunner, corpus: Corpus, conditions: Sequence[Condition], windowing: Windowing
) -> tuple[float, float]:
    """Time a model on all windows of the clean test tracks, and scale the times to all conditions.

    A stretched track has another number of windows, but the time of a window does not depend on
    its content.

    Args:
        model: Model on its device.
        corpus: Prepared corpus.
        conditions: Conditions of the sweep.
        windowing: How tracks are cut into windows.

    Returns:
        Seconds of making the batches and copying them to the device, and seconds of the forward
        passes.
    """
    test = corpus.split("test")
    scale = model.view.sample_rate / corpus.sample_rate
    lengths = [round(int(n) * scale) for n in test["samples"]]
    clean = [len(window_starts(n, model.window, windowing)) for n in lengths]
    wanted = sum(
        len(window_starts(round(output_length(c, int(n)) * scale), model.window, windowing))
        for c in conditions
        for n in test["samples"]
    )
    pieces: list[Any] = []
    warm = False
    seconds = np.zeros(2)
    size = batch_size(model.window * model.view.width)
    config = StreamConfig(corpus.root, (model.view,), measured=False)
    with open_audio_stream(config, 0) as stream, torch.inference_mode():
        for track in stream(_requests(list(test.index), test, CLEAN)):
            audio = track.inputs[model.view]
            if isinstance(audio, Exception):
                raise audio
            starts = window_starts(len(audio), model.window, windowing)
            pieces.extend(cut(audio, starts, model.window))
            if not warm and model.device.type != "cpu":  # the first use loads the kernels
                _time(model, [pieces[0]] * size)
                warm = True
            while len(pieces) >= size:
                seconds += _time(model, pieces[:size])
                del pieces[:size]
        if pieces:
            seconds += _time(model, pieces)
    copying, forward = (seconds * wanted / sum(clean)).tolist()
    return copying, forward


def output_length(condition: Condition, samples: int) -> int:
    """Return the number of samples of a track of ``samples`` after the steps of a condition."""
    for step in condition.steps:
        samples = catalogue_entry(step.perturbation).output_samples(samples, step.level)
    return samples


def _time(model: ModelRunner, pieces: Sequence[Any]) -> NDArray[np.float64]:
    """Return the seconds (2,) of making and copying a batch, and of the forward pass."""
    start = time.perf_counter()
    batch = torch.from_numpy(np.stack(pieces)).to(model.device)
    _wait(model.device)
    copied = time.perf_counter()
    model.module.probabilities(model.module(batch))
    _wait(model.device)
    return np.array([copied - start, time.perf_counter() - copied])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
