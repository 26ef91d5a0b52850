"""From evaluation cells to predictions: perturb once, evaluate every model.

Worker processes decode and perturb whole tracks; this process cuts them into the windows of each
model and runs all models over the same audio. Tracks come in a fixed order, and windows are grouped
the same way whatever the number of workers, so that every bit of the result is reproducible.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark import determinism
from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.config.datasets import data_module
from benchmark.config.schema import WindowsSpec
from benchmark.perturbations import Condition, warm_up
from benchmark.plan.jobs import PROGRESS_EVERY_S, Emit, Runtime, record_failure
from benchmark.predict.audio_cache import Limits
from benchmark.predict.audio_stream import Setting, Stream, Task, listeners
from benchmark.predict.effect_sample import sampled
from benchmark.predict.inference import Listener, audiences
from benchmark.predict.invalid_scores import invalid_scores
from benchmark.store.cells import PREDICTIONS
from benchmark.store.effects_file import EFFECTS, ConditionEffects
from benchmark.store.files import write_arrays
from benchmark.store.provenance import provenance
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus


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
    data = data_module(first["launch"], Path(runtime.data_root))
    data.prepare_data()
    corpus = data.corpus
    groups = by_condition(documents)
    trained = list(dict.fromkeys(d["preimage"]["train"] for d in documents.values()))
    warm_up([condition for condition, _, _ in groups], corpus.sample_rate)
    folder, most = runtime.audio_cache, runtime.audio_cache_bytes
    limits = Limits(folder, most) if folder else None
    setting = Setting(corpus.root, _sample_rates(trained, store), limits)
    # The workers are started before the models: a process that has threads of OpenMP, or a context
    # of CUDA, must not be forked.
    with listeners(setting, runtime.workers, runtime.start) as stream:
        models, failures = _load_models(trained, store, corpus.tags, torch.device(runtime.device))
        for cell, document in documents.items():
            if document["preimage"]["train"] in failures:
                error = failures[document["preimage"]["train"]]
                record_failure(store, cell, "evaluation", error, emit)
        for (condition, seed, windows), members in groups.items():
            group = {train_id: cell for train_id, cell in members.items() if train_id in models}
            if not group:
                continue
            try:
                _evaluate_condition(
                    condition, seed, windows, group, corpus, models, store, runtime, stream, emit
                )
            except Exception as error:  # noqa: BLE001 - contained: the other conditions go on
                for cell in group.values():
                    record_failure(store, cell, "evaluation", error, emit)


def _sample_rates(trained: Sequence[str], store: Store) -> tuple[int, ...]:
    """Return the sample rates of models in ascending order, without loading them.

    A model whose cell cannot be read is left out: it fails when it is loaded.
    """
    rates = set()
    for train_id in trained:
        with suppress(TagbenchError, KeyError, ValueError, OSError):
            rates.add(int(store.read(train_id)["preimage"]["architecture"]["sample_rate"]))
    return tuple(sorted(rates))


def _load_models(
    trained: Sequence[str], store: Store, tags: Sequence[str], device: torch.device
) -> tuple[dict[str, Listener], dict[str, Exception]]:
    """Load models by the id of their training cell; return them, and the errors of the others."""
    models: dict[str, Listener] = {}
    failures: dict[str, Exception] = {}
    for train_id in trained:
        try:
            models[train_id] = load_model(train_id, store, tags, device)
        except Exception as error:  # noqa: BLE001 - a damaged checkpoint fails its own cells only
            failures[train_id] = error
    return models, failures


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
    models = [listening[train_id] for train_id in group]
    for model in models:
        model.start(len(test))
    everyone = audiences(models, windows.build())
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
        for audience in everyone:
            audience.hear(number, heard.audio[audience.rate])
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
    for audience in everyone:
        audience.end()
    targets = corpus.targets("test") if corpus.tags else None
    clusters = np.asarray(corpus.clusters("test"), dtype=np.str_)
    track_ids = np.asarray(test["track_id"], dtype=np.str_)
    measured = ConditionEffects.of(track_ids, effects) if effects else None
    for model in models:
        cell = group[model.train_id]
        scores = model.scores()
        error = invalid_scores(scores, list(track_ids), list(test.index), corpus, model.module)
        if error is not None:
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
            "provenance": provenance() | determinism.describe(runtime.device),
        }
        store.finish(cell, metrics, files)
        emit({"event": "done", "cell": cell})
