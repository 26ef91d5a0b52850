"""Results of a folder as typed data: tables, provenance and predictions of each dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark import __version__
from benchmark.config.trained_on import TrainedOn, trained_on
from benchmark.perturbations import CLEAN, Condition
from benchmark.store import run_record
from benchmark.store.predictions import (
    CellFailure,
    Evaluation,
    Predictions,
    compared_predictions,
)
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from benchmark.store.tables import Tables, read_tables
from datamodules.common.errors import TagbenchError, unknown_name


@dataclass(frozen=True)
class Provenance:
    """Origin of the numbers of a dataset.

    Attributes:
        contract: Settings that all rows of a table share: corpus, split, tags, windows, recipe,
            resamples.
        info: Digests and counts of the corpus, the preset and the baseline.
        software: Versions of the packages that computed the cells, by package; several if cells
            differ.
        renderer: Version of tagbench that reads the results now.
    """

    contract: Mapping[str, Any]
    info: Mapping[str, Any]
    software: Mapping[str, tuple[str, ...]]
    renderer: str = __version__

    @property
    def versions(self) -> tuple[str, ...]:
        """Versions of tagbench that computed the cells."""
        return self.software.get("tagbench", ())

    @property
    def samples_digest(self) -> str:
        """Digest of the decoded samples; empty if the corpus was prepared without it."""
        return str(self.info.get("samples_digest") or "")


class DatasetResults:
    """Results of one dataset.

    Args:
        record: Record of its runs.
        store: Results folder that contains them.
    """

    def __init__(self, record: RunRecord, store: Store) -> None:
        self.record = record
        self.store = store

    @property
    def folder(self) -> Path:
        """Folder of the tables and the report."""
        return run_record.folder(self.record.dataset, self.store)

    @cached_property
    def tables(self) -> Tables:
        """The tables on disk, see :class:`benchmark.store.tables.Tables`."""
        return read_tables(self.folder)

    @cached_property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Finished evaluations."""
        return tuple(run_record.evaluations(self.record, self.store))

    @cached_property
    def failures(self) -> tuple[CellFailure, ...]:
        """Cells that failed."""
        return tuple(run_record.failures(self.record, self.store))

    @cached_property
    def provenance(self) -> Provenance:
        """Origin of the numbers."""
        software: dict[str, set[str]] = {}
        for cell in self.record.cells:
            if self.store.state(cell["id"]) == "done":
                for name, value in self.store.metrics(cell["id"]).get("provenance", {}).items():
                    software.setdefault(name, set()).add(str(value))
        return Provenance(
            json.loads(self.record.info["contract"]),
            self.record.info,
            {name: tuple(sorted(values)) for name, values in sorted(software.items())},
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Models with a finished evaluation."""
        return tuple(sorted({evaluation.model for evaluation in self.evaluations}))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Conditions with a finished evaluation, clean ones first."""
        unique = {evaluation.condition for evaluation in self.evaluations}
        return tuple(sorted(unique, key=lambda condition: (not condition.clean, condition.order)))

    @cached_property
    def trained_on(self) -> Mapping[str, TrainedOn]:
        """What each model was trained on, for models that differ in nothing else."""
        return trained_on(self.record.cells)

    def predictions(self, model: str, condition: Condition = CLEAN, seed: int = 0) -> Predictions:
        """Return the predictions of a model under a condition, for the compared tags.

        Args:
            model: Label of the model.
            condition: One of :attr:`conditions`.
            seed: Training seed.

        Raises:
            TagbenchError: No such evaluation has finished, or its file cannot be read.
        """
        wanted = (model, condition, seed)
        for evaluation in self.evaluations:
            if (evaluation.model, evaluation.condition, evaluation.seed) == wanted:
                return compared_predictions(evaluation)
        raise TagbenchError(
            f"There are no predictions of {model!r} (seed {seed}) under {condition.label} "
            f"({condition.protocol}) in {self.store.results}. Models: {', '.join(self.models)}."
        )


class Results(Mapping[str, DatasetResults]):
    """Results of a folder: :class:`DatasetResults` by the name of the dataset.

    Args:
        folder: Results folder.

    Raises:
        TagbenchError: The folder holds no results.
    """

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self._names = run_record.datasets(self.store)
        if not self._names:
            raise TagbenchError(
                f"There are no results in {folder}. Run a benchmark first: tagbench run"
            )

    def __getitem__(self, name: str) -> DatasetResults:
        if name not in self._names:
            raise unknown_name("dataset", name, self._names, str(self.store.results))
        return DatasetResults(run_record.load(name, self.store), self.store)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
