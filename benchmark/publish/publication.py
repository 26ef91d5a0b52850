"""What is published: finished results of a dataset, checked and collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.classes import import_class
from benchmark.publish.folder import MODELS
from benchmark.publish.licences import check_names, inherited_licences, licence_of
from benchmark.publish.scores import Score, scores_of
from benchmark.report.labels import file_part
from benchmark.score.pipeline import inputs_digest, tables_of
from benchmark.store import run_record
from benchmark.store.results import DatasetResults
from benchmark.store.run_record import RECORD
from benchmark.store.store import Store
from benchmark.store.tables import Tables, are_current, read_tables
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus

if TYPE_CHECKING:
    from datamodules.base import TaggingDataModule


@dataclass(frozen=True)
class Choices:
    """Choices of the publisher.

    Attributes:
        licence: Licence of the weights that were trained here; empty if none is stated.
        licences: Licence by name of a model, which takes precedence.
        without_weights: Models whose weights are left out; ``"all"`` stands for every model.
        hub_dataset: Name of the dataset on the Hugging Face hub; empty for the default.
        predictions: Whether the predictions are published.
        tracks: Whether the list of tracks is published, for which the corpus must be here.
        partial: Whether a benchmark with unfinished cells may be published.
        date: Date of the publication, ``YYYY-MM-DD``; empty for that of the last result.
    """

    licence: str = ""
    licences: Mapping[str, str] = field(default_factory=dict)
    without_weights: frozenset[str] = frozenset()
    hub_dataset: str = ""
    predictions: bool = True
    tracks: bool = True
    partial: bool = False
    date: str = ""


@dataclass(frozen=True)
class PublishedModel:
    """A model of the leaderboard with one set of weights.

    Attributes:
        name: Name in the tables.
        seed: Training seed.
        cell: Entry of its cell in the run record.
        path: Its folder, relative to the published folder.
        licence: Licence of the weights, as the Hugging Face hub names it.
        inherited: Known licences of imported weights that it is, or was trained from.
        weights: Whether the weights are published.
        scores: Its scores under every condition.
    """

    name: str
    seed: int
    cell: Mapping[str, Any]
    path: str
    licence: str
    inherited: tuple[str, ...]
    weights: bool
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Publication:
    """Everything that is published.

    Attributes:
        results: Results of the dataset.
        tables: Tables of its finished cells.
        inputs: Digest of what the tables were computed from.
        dataset: Class of the dataset, which states licence and citation.
        corpus: The prepared corpus; None if its tracks are not published.
        models: Every model with its weights, in the order of the leaderboard.
        choices: Choices of the publisher.
        date: Date of the publication.
    """

    results: DatasetResults
    tables: Tables
    inputs: str
    dataset: type[TaggingDataModule]
    corpus: Corpus | None
    models: tuple[PublishedModel, ...]
    choices: Choices
    date: str

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self.results.record.dataset

    @property
    def hub_dataset(self) -> str:
        """Name of the dataset on the Hugging Face hub."""
        return self.choices.hub_dataset or f"tagbench/{self.name}"

    @property
    def digest(self) -> str:
        """Digest of the manifest."""
        return str(self.results.record.info["manifest_digest"])

    @cached_property
    def finished(self) -> tuple[Mapping[str, Any], ...]:
        """Entries of the finished cells, each after those that it depends on."""
        store, record = self.results.store, self.results.record
        done = [cell for cell in record.cells if store.state(cell["id"]) == "done"]
        return tuple(run_record.dependency_order(done))


def collect(folder: Path, data_root: Path, choices: Choices) -> Publication:
    """Check the results of a dataset and collect what is published.

    Args:
        folder: ``results/<dataset>``.
        data_root: Folder of prepared corpora.
        choices: Choices of the publisher.

    Raises:
        TagbenchError: There are no results, cells are not finished, the corpus is not here, or the
            licence of imported weights is not known.
    """
    results = _open(folder)
    record, store = results.record, results.store
    _check_finished(results, choices)
    inputs = inputs_digest(record, store)
    current = are_current(results.folder, inputs)
    tables = read_tables(results.folder) if current else tables_of(record, store)
    return Publication(
        results,
        tables,
        inputs,
        _dataset_class(results),
        _corpus(record.dataset, record.info, data_root) if choices.tracks else None,
        _models(results, tables, choices),
        choices,
        choices.date or _last_day(results),
    )


def _open(folder: Path) -> DatasetResults:
    folder = folder.resolve()
    inside = sorted(path.parent.name for path in folder.glob(f"*/{RECORD}"))
    if inside:
        raise TagbenchError(
            f"{folder} is a results folder, which holds {', '.join(inside)}. Name the folder of a "
            f"dataset: tagbench publish {folder / inside[0]} --to FOLDER"
        )
    store = Store(folder.parent)
    return DatasetResults(run_record.load(folder.name, store), store)


def _check_finished(results: DatasetResults, choices: Choices) -> None:
    cells, name = results.record.cells, results.record.dataset
    states = results.store.states(cell["id"] for cell in cells)
    missing = sum(state != "done" for state in states.values())
    if not results.evaluations:
        raise TagbenchError(
            f"No evaluation of {name} is finished, so that there is nothing to publish. Finish the "
            "benchmark: tagbench run"
        )
    if missing and not choices.partial:
        raise TagbenchError(
            f"{missing} of {len(cells)} cells of {name} are not finished; tagbench status shows "
            "them. Finish the benchmark with tagbench run, or publish what is finished: --partial"
        )


def _dataset_class(results: DatasetResults) -> type[TaggingDataModule]:
    from datamodules.base import TaggingDataModule

    launch = results.store.read(results.evaluations[0].cell_id)["launch"]
    cls: type[TaggingDataModule] = import_class(
        launch["dataset_class"], TaggingDataModule, f"dataset {results.record.dataset!r}"
    )
    return cls


def _corpus(name: str, info: Mapping[str, Any], data_root: Path) -> Corpus:
    """Return the prepared corpus that has the digests of the results."""
    for path in sorted(data_root.glob("*/corpus.json")):
        try:
            corpus = Corpus.open(path.parent)
        except TagbenchError:
            continue
        found = (corpus.manifest_digest, corpus.split_digest, corpus.tags_digest)
        if found == (info["manifest_digest"], info["split_digest"], info["tags_digest"]):
            return corpus
    raise TagbenchError(
        f"The corpus that the results of {name} were computed on (manifest "
        f"{info['manifest_digest'][:12]}) is not in {data_root}. Name the folder of prepared "
        "corpora with --data-root, or publish without the list of tracks: --no-tracks"
    )


def _models(
    results: DatasetResults, tables: Tables, choices: Choices
) -> tuple[PublishedModel, ...]:
    store, record = results.store, results.record
    check_names(choices.licences, choices.without_weights, results.models)
    by_id = {cell["id"]: cell for cell in record.cells}
    unreadable = run_record.without_audio(record)
    models = []
    for name, seed, cell_id in _evaluated(results, tables):
        cell = by_id[cell_id]
        # Vectors of tracks do not leave the machine, so that such a model cannot run elsewhere.
        weights = not ({"all", name} & choices.without_weights or name in unreadable)
        own = choices.licences.get(name, "")
        model = PublishedModel(
            name=name,
            seed=seed,
            cell=cell,
            path=f"{MODELS}/{file_part(name)}{f'-seed{seed}' if cell['kind'] == 'train' else ''}",
            licence=licence_of(cell, by_id, store, choices.licence, own) if weights else "",
            inherited=inherited_licences(cell, by_id, store) if weights else (),
            weights=weights,
            scores=scores_of(tables, name),
        )
        models.append(model)
    return tuple(models)


def _evaluated(results: DatasetResults, tables: Tables) -> list[tuple[str, int, str]]:
    """Return name, seed and cell of each evaluated model, in the order of the leaderboard."""
    places = {str(name): at for at, name in enumerate(tables.leaderboard["model"])}
    found = {
        (e.model, e.seed, str(results.store.read(e.cell_id)["preimage"]["train"]))
        for e in results.evaluations
    }
    return sorted(found, key=lambda item: (places.get(item[0], len(places)), *item))


def _last_day(results: DatasetResults) -> str:
    """Return the day, in UTC, on which the last evaluation was stored.

    It is a property of the results, so that publishing twice gives the same bytes.
    """
    paths = (results.store.folder(e.cell_id) / "metrics.json" for e in results.evaluations)
    newest = max(path.stat().st_mtime for path in paths)
    return datetime.fromtimestamp(newest, UTC).date().isoformat()
