"""From evaluation cells to stored predictions: each track is perturbed once for all models.

Worker processes decode and perturb whole tracks. This process cuts them into the windows of each
model and runs all models on the same audio. The order of tracks and the batches of windows do not
depend on the number of workers, so that results are bitwise reproducible.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch

from benchmark import determinism
from benchmark.checkpoints.checkpoint import load_checkpoint, stored_view
from benchmark.config.datasets import data_module
from benchmark.config.schema import WindowsSpec
from benchmark.perturbations import Condition, warm_up
from benchmark.perturbations.measure.effect import Effect
from benchmark.plan.jobs import PROGRESS_EVERY_S, Emit, Runtime, record_failure
from benchmark.predict.audio_cache import CacheConfig
from benchmark.predict.audio_stream import Stream, StreamConfig, TrackRequest, open_audio_stream
from benchmark.predict.effect_sample import sampled
from benchmark.predict.inference import ModelRunner, group_by_windows
from benchmark.predict.invalid_scores import invalid_scores
from benchmark.predict.shared_encoders import share_encoders
from benchmark.store.cell_kinds import EvaluationCell
from benchmark.store.cells import PREDICTIONS
from benchmark.store.effects_file import EFFECTS, ConditionEffects
from benchmark.store.files import write_arrays
from benchmark.store.provenance import provenance
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus
from datamodules.views.base import View
from datamodules.views.waveform import Waveform


class EvaluationSetup(NamedTuple):
    """Settings that determine the audio and the windows of an evaluation cell."""

    condition: Condition
    seed: int
    windows: WindowsSpec


def evaluate(cells: Sequence[EvaluationCell], store: Store, runtime: Runtime, emit: Emit) -> None:
    """Evaluate cells of one dataset.

    An error in one condition or model marks only the affected cells as failed.

    Args:
        cells: Evaluation cells whose models are done.
        store: Store that holds the cells.
        runtime: Device, workers and threads.
        emit: Receives the progress, and the end of each cell.
    """
    data = data_module(cells[0].launch, Path(runtime.data_root))
    data.prepare_data()
    corpus = data.corpus
    groups = by_condition(cells)
    trained = list(dict.fromkeys(cell.model for cell in cells))
    warm_up([setup.condition for setup in groups], corpus.sample_rate)
    folder, capacity = runtime.audio_cache, runtime.audio_cache_bytes
    cache = CacheConfig(folder, capacity) if folder else None
    config = StreamConfig(corpus.root, _views(trained, store), cache)
    # The workers are started before the models: a process that has threads of OpenMP, or a context
    # of CUDA, must not be forked.
    with open_audio_stream(config, runtime.workers, runtime.start) as stream:
        models, failures = _load_models(cells, store, corpus.tags, torch.device(runtime.device))
        evaluator = _Evaluator(corpus, models, stream, store, runtime, emit)
        for setup, condition_cells in groups.items():
            for cell in condition_cells:
                store.register(cell)
                if cell.model in failures:
                    record_failure(store, cell.id, cell.kind, failures[cell.model], emit)
            group = [cell for cell in condition_cells if cell.model in models]
            if not group:
                continue
            try:
                evaluator.run(setup, group)
            except Exception as error:  # noqa: BLE001 - other conditions are not affected
                for cell in group:
                    record_failure(store, cell.id, cell.kind, error, emit)


def by_condition(
    cells: Sequence[EvaluationCell],
) -> dict[EvaluationSetup, list[EvaluationCell]]:
    """Group evaluation cells by audio and windows."""
    groups: dict[EvaluationSetup, list[EvaluationCell]] = {}
    for cell in cells:
        windows = WindowsSpec.model_validate(cell.setting.windows)
        setup = EvaluationSetup(cell.condition, cell.setting.perturbation.seed, windows)
        groups.setdefault(setup, []).append(cell)
    return groups


def load_model(
    train_id: str,
    store: Store,
    tags: Sequence[str],
    device: torch.device,
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> ModelRunner:
    """Load a trained or imported model from its cell.

    Args:
        train_id: Id of its cell.
        store: Store that holds the cell.
        tags: Tags of the corpus, of which those are selected that the model knows. An empty
            sequence selects all tags of the model.
        device: Device to run it on.
        aliases: Tags of the model by tag of the corpus, where their names differ.
    """
    module, card = load_checkpoint(store.folder(train_id), str(device))
    place = {tag: index for index, tag in enumerate(card.tags)}
    architecture = card.architecture
    wanted = tuple(tag for tag in tags or card.tags if aliases.get(tag, tag) in place)
    return ModelRunner(
        train_id,
        module,
        module.view or Waveform(architecture.sample_rate),
        architecture.window,
        device,
        np.asarray([place[aliases.get(tag, tag)] for tag in wanted]),
        wanted,
    )


def _views(trained: Sequence[str], store: Store) -> tuple[View, ...]:
    """Return the views that models see, without loading the models.

    A model whose cell cannot be read is left out: it fails when it is loaded.
    """
    views: dict[View, None] = {}
    for train_id in trained:
        with suppress(TagbenchError, KeyError, ValueError, OSError):
            views[stored_view(store.folder(train_id))] = None
    return tuple(sorted(views, key=lambda view: (view.sample_rate, view.name, view.digest)))


def _load_models(
    cells: Sequence[EvaluationCell], store: Store, tags: Sequence[str], device: torch.device
) -> tuple[dict[str, ModelRunner], dict[str, Exception]]:
    """Load models by the id of their training cell; return them, and the errors of the others."""
    models: dict[str, ModelRunner] = {}
    failures: dict[str, Exception] = {}
    for train_id, aliases in {cell.model: cell.setting.aliases for cell in cells}.items():
        try:
            models[train_id] = load_model(train_id, store, tags, device, aliases)
        except Exception as error:  # noqa: BLE001 - a damaged checkpoint fails its own cells only
            failures[train_id] = error
    share_encoders(runner.module for runner in models.values())
    return models, failures


class _Evaluator:
    """Evaluates models on the test split of one corpus, one condition after the other.

    Args:
        corpus: Corpus with a test split.
        models: Models by the id of their training cell.
        stream: Perturbs tracks.
        store: Store that holds the cells.
        runtime: Device, for the record.
        emit: Receives the progress, and the end of each cell.
    """

    def __init__(
        self,
        corpus: Corpus,
        models: Mapping[str, ModelRunner],
        stream: Stream,
        store: Store,
        runtime: Runtime,
        emit: Emit,
    ) -> None:
        self.corpus, self.models, self.stream = corpus, models, stream
        self.store, self.runtime, self.emit = store, runtime, emit
        test = corpus.split("test")
        self.rows = [int(row) for row in test.index]
        self.track_ids = np.asarray(test["track_id"], dtype=np.str_)
        self.clusters = np.asarray(corpus.clusters("test"), dtype=np.str_)
        self.targets = corpus.targets("test") if corpus.tags else None
        self.place = {tag: place for place, tag in enumerate(corpus.tags)}
        self.sampled = sampled(list(test["track_id"]))

    def run(self, setup: EvaluationSetup, cells: Sequence[EvaluationCell]) -> None:
        """Evaluate the models of one condition, and store the result of each cell.

        Args:
            setup: Condition, seed and windows.
            cells: One or more cells of each model, which differ in their bags.
        """
        started = time.perf_counter()
        models = {cell.model: self.models[cell.model] for cell in cells}
        effects, failures = self._predict(setup, list(models.values()), cells[0].id)
        measured = ConditionEffects.of(self.track_ids, effects) if effects else None
        metrics = {
            "n_models": len(models),
            "device": self.runtime.device,
            "samples_digest": str(self.corpus.info.get("samples_digest", "")),
            "provenance": provenance() | determinism.describe(self.runtime.device),
        }
        for cell in cells:
            model = models[cell.model]
            error = failures.get(cell.model)
            if error is None:
                by = cell.setting.bags
                scores = model.scores(self.corpus.bags("test", by) if by else None)
                error = invalid_scores(
                    scores, list(self.track_ids), self.rows, self.corpus, model.module
                )
            if error is not None:
                record_failure(self.store, cell.id, cell.kind, error, self.emit)
                continue
            files = self._write(cell.id, model, scores, measured)
            seconds = time.perf_counter() - started
            self.store.finish(cell.id, {"seconds_for_all_models": seconds, **metrics}, files)
            self.emit({"event": "done", "cell": cell.id})

    def _predict(
        self, setup: EvaluationSetup, models: Sequence[ModelRunner], cell: str
    ) -> tuple[list[Effect], dict[str, Exception | str]]:
        """Run models on all tracks.

        Returns:
            The measured effects, none of clean audio, and the error of each model whose view cannot
            be computed, by the id of its training cell.
        """
        for model in models:
            model.start(len(self.rows))
        batchers = group_by_windows(models, setup.windows.build())
        effects = []
        failures: dict[str, Exception | str] = {}
        reported = time.perf_counter()
        for number, track in enumerate(self.stream(self._requests(setup))):
            if track.effect is not None:
                effects.append(track.effect)
            for batcher in list(batchers):
                values = track.inputs[batcher.view]
                if isinstance(values, Exception):
                    failures |= {runner.train_id: values for runner in batcher.runners}
                    batchers.remove(batcher)
                    continue
                batcher.add(number, values)
            if time.perf_counter() - reported > PROGRESS_EVERY_S:
                reported = time.perf_counter()
                done, total = number + 1, len(self.rows)
                text = f"{setup.condition.label}: track {done}/{total}, {len(models)} models"
                event = {"event": "progress", "cell": cell, "done": done, "total": total}
                self.emit({**event, "text": text})
        for batcher in batchers:
            batcher.finish()
        return effects, failures

    def _requests(self, setup: EvaluationSetup) -> Iterator[TrackRequest]:
        for row, track_id in zip(self.rows, self.track_ids.tolist(), strict=True):
            yield TrackRequest(row, track_id, setup.condition, setup.seed, track_id in self.sampled)

    def _write(
        self,
        cell: str,
        model: ModelRunner,
        scores: np.ndarray,
        measured: ConditionEffects | None,
    ) -> list[str]:
        """Write the predictions of a cell and the effects of its condition; return the names."""
        folder, targets = self.store.folder(cell), np.zeros(scores.shape, np.uint8)
        if self.targets is not None:
            targets = self.targets[:, [self.place[tag] for tag in model.tags]]
        write_arrays(
            folder / PREDICTIONS,
            track_ids=self.track_ids,
            tags=np.asarray(model.tags, dtype=np.str_),
            scores=scores,
            targets=targets,
            clusters=self.clusters,
            **model.arrays(),
        )
        if measured is None:
            return [PREDICTIONS]
        write_arrays(folder / EFFECTS, **measured.arrays())
        return [PREDICTIONS, EFFECTS]
