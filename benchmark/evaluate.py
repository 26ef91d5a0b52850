"""From evaluation cells to predictions: perturb once, evaluate every model.

Worker processes decode and perturb whole tracks; this process cuts them into the windows of each
model and runs all models over the same audio. Tracks come in a fixed order, and windows are grouped
the same way whatever the number of workers, so that every bit of the result is reproducible.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.audio_cache import Limits
from benchmark.checkpoints import load_checkpoint
from benchmark.config import WindowsSpec
from benchmark.effects import EFFECTS, Measured, sampled
from benchmark.hearing import Audio, Setting, Stream, Task, listeners
from benchmark.jobs import Emit, Runtime, record_failure
from benchmark.perturbations import Condition, warm_up
from benchmark.provenance import provenance
from benchmark.store import Store
from benchmark.train import data_module
from datamodules.manifest import Corpus
from datamodules.windows import Windowing, cut, window_starts
from lightning_modules.base import TaggingModule

PREDICTIONS = "predictions.npz"
WINDOWS_AT_ONCE = 16
SAMPLES_AT_ONCE = 2**22  # a few windows of 29 s: the first maps of FCN take 45 MB each
PROGRESS_EVERY_S = 0.2


@dataclass
class Listener:
    """One model, and its predictions for the condition at hand.

    ``columns`` are the outputs that stand for ``tags``: those of the corpus in their order, or all
    that the model knows where the corpus has none.
    """

    train_id: str
    module: TaggingModule
    rate: int
    window: int
    device: torch.device
    columns: NDArray[np.int64]
    tags: tuple[str, ...]
    windows: list[Audio] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def most(self) -> int:
        """Windows of a batch: a matter of the model alone, so that no result depends on more."""
        return max(1, min(WINDOWS_AT_ONCE, SAMPLES_AT_ONCE // self.window))

    def start(self, n_tracks: int) -> None:
        """Forget the last condition."""
        self.windows, self.owners = [], []
        self.sums = np.zeros((n_tracks, len(self.tags)))
        self.counts = np.zeros(n_tracks, np.int64)

    def listen(self, track: int, audio: Audio, windowing: Windowing) -> None:
        """Cut a track and run the model whenever a batch is full."""
        pieces = cut(audio, window_starts(len(audio), self.window, windowing), self.window)
        self.windows.extend(pieces)
        self.owners.extend([track] * len(pieces))
        while len(self.windows) >= self.most:
            self._forward(self.most)

    def scores(self) -> NDArray[np.float32]:
        """Return the mean probability of each track, shape (tracks, tags)."""
        while self.windows:
            self._forward(min(self.most, len(self.windows)))
        return (self.sums / self.counts[:, None]).astype(np.float32)

    def _forward(self, size: int) -> None:
        batch, self.windows = np.stack(self.windows[:size]), self.windows[size:]
        owners, self.owners = np.asarray(self.owners[:size]), self.owners[size:]
        with torch.inference_mode():
            logits = self.module(torch.from_numpy(batch).to(self.device))
            found = self.module.probabilities(logits).double().cpu().numpy()[:, self.columns]
        np.add.at(self.sums, owners, found)
        np.add.at(self.counts, owners, 1)


def load_model(train_id: str, store: Store, tags: Sequence[str], device: torch.device) -> Listener:
    """Build a trained or imported model from its cell, ready to predict.

    Args:
        train_id: Id of its cell.
        store: Where the cell lies.
        tags: Tags of the corpus; each must be among those of the model. Without any, the model's.
        device: Where to run it.
    """
    module, card = load_checkpoint(store.folder(train_id), str(device))
    place = {tag: index for index, tag in enumerate(card.tags)}
    architecture = card.architecture
    wanted = tuple(tags) or card.tags
    return Listener(
        train_id,
        module,
        architecture.sample_rate,
        architecture.window,
        device,
        np.asarray([place[tag] for tag in wanted]),
        wanted,
    )


def evaluate(cells: Sequence[str], store: Store, runtime: Runtime, emit: Emit) -> None:
    """Evaluate cells of one dataset; a failing condition or model costs only its own cells.

    Args:
        cells: Ids of evaluation cells whose training cells are done.
        store: Where they lie.
        runtime: Device, workers, threads.
        emit: Told of progress and of each cell's end.
    """
    documents = {cell: store.read(cell) for cell in cells}
    first = next(iter(documents.values()))
    data = data_module(first["launch"], runtime)
    data.prepare_data()
    corpus = data.corpus
    device = torch.device(runtime.device)
    listening: dict[str, Listener] = {}
    for train_id in dict.fromkeys(d["preimage"]["train"] for d in documents.values()):
        try:
            listening[train_id] = load_model(train_id, store, corpus.tags, device)
        except Exception as error:  # noqa: BLE001 - one broken checkpoint must not cost the others
            for cell, document in documents.items():
                if document["preimage"]["train"] == train_id:
                    record_failure(store, cell, "evaluation", error, emit)
    rates = tuple(sorted({listener.rate for listener in listening.values()}))
    groups = by_condition(
        {c: d for c, d in documents.items() if d["preimage"]["train"] in listening}
    )
    warm_up([condition for condition, _, _ in groups], corpus.sample_rate)
    folder, most = runtime.audio_cache, runtime.audio_cache_bytes
    setting = Setting(corpus.root, rates, Limits(folder, most) if folder else None)
    with listeners(setting, runtime.workers, runtime.start) as stream:
        for (condition, seed, windows), group in groups.items():
            try:
                _evaluate_condition(
                    condition, seed, windows, group, corpus, listening, store, runtime, stream, emit
                )
            except Exception as error:  # noqa: BLE001 - contained: the other conditions go on
                for cell in group.values():
                    record_failure(store, cell, "evaluation", error, emit)


Group = tuple[Condition, int, WindowsSpec]


def by_condition(documents: Mapping[str, Mapping[str, Any]]) -> dict[Group, dict[str, str]]:
    """Group cells by what is heard and how it is cut: {group: {train id: cell id}}."""
    groups: dict[Group, dict[str, str]] = {}
    for cell, document in documents.items():
        labels, preimage = document["labels"], document["preimage"]
        key = (
            Condition.from_labels(labels),
            preimage["perturbation"]["seed"],
            WindowsSpec.model_validate(preimage["windows"]),
        )
        groups.setdefault(key, {})[preimage["train"]] = cell
    return groups


def _evaluate_condition(
    condition: Condition,
    seed: int,
    windows: WindowsSpec,
    group: Mapping[str, str],
    corpus: Corpus,
    listening: Mapping[str, Listener],
    store: Store,
    runtime: Runtime,
    stream: Stream,
    emit: Emit,
) -> None:
    test = corpus.split("test")
    windowing = windows.build()
    models = [listening[train_id] for train_id in group]
    for model in models:
        model.start(len(test))
    started = said = time.perf_counter()
    chosen = sampled(list(test["track_id"]))
    effects = []
    tasks = (
        Task(int(row), track, condition, seed, track in chosen)
        for row, track in zip(test.index, test["track_id"], strict=True)
    )
    for number, heard in enumerate(stream(tasks)):
        if heard.effect is not None:
            effects.append(heard.effect)
        for model in models:
            model.listen(number, heard.audio[model.rate], windowing)
        if time.perf_counter() - said > PROGRESS_EVERY_S:
            said = time.perf_counter()
            emit(
                {
                    "event": "progress",
                    "cell": next(iter(group.values())),
                    "done": number + 1,
                    "total": len(test),
                    "text": f"{condition.label}: track {number + 1}/{len(test)}, "
                    f"{len(models)} models",
                }
            )
    targets = corpus.targets("test") if corpus.tags else None
    clusters = np.asarray(corpus.clusters("test"), dtype=np.str_)
    track_ids = np.asarray(test["track_id"], dtype=np.str_)
    measured = Measured.of(track_ids, effects) if effects else None
    for model in models:
        cell = group[model.train_id]
        scores = model.scores()
        if not np.isfinite(scores).all():
            error = "its scores are not numbers: the training diverged. Lower the learning rate."
            record_failure(store, cell, "evaluation", error, emit)
            continue
        files = [PREDICTIONS]
        write_arrays(
            store.folder(cell) / PREDICTIONS,
            track_ids=track_ids,
            tags=np.asarray(model.tags, dtype=np.str_),
            scores=scores,
            targets=np.zeros(scores.shape, np.uint8) if targets is None else targets,
            clusters=clusters,
        )
        if measured is not None:
            write_arrays(store.folder(cell) / EFFECTS, **measured.arrays())
            files.append(EFFECTS)
        metrics = {
            "seconds_for_all_models": time.perf_counter() - started,
            "n_models": len(models),
            "device": runtime.device,
            "provenance": provenance(),
        }
        store.finish(cell, metrics, files)
        emit({"event": "done", "cell": cell})


def write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays atomically; the same arrays give the same bytes."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    part.replace(path)
