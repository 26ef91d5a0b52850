"""Record of the runs on a dataset, ``results/<dataset>/sweep.json``.

It lists the cells, their labels and the cost of each model, so that tables and reports need neither
torch nor the audio. Runs on a dataset extend the same record if they have its contract (corpus,
split, tags, windows, recipe), so that a table never mixes two splits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.config.compared_tags import ComparedTags
from benchmark.perturbations import Condition
from benchmark.store.cell_kinds import SINGLE_CLIPS
from benchmark.store.cells import Cell
from benchmark.store.files import read_json, write_json
from benchmark.store.plans import Plan
from benchmark.store.predictions import CellFailure, Evaluation
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError, unknown_name

RECORD = "sweep.json"
FORMAT = 2


@dataclass(frozen=True)
class RunRecord:
    """A sweep on disk.

    Attributes:
        dataset: Name of the dataset.
        info: Contract, preset, counts and digests of the corpus.
        models: Counted cost by model label.
        cells: ``{"id", "kind", "labels", "depends_on"}`` of every cell, in table order; a training
            with augmentation also has ``"augmented"``, see
            :class:`benchmark.config.trained_on.Augmented`. A model whose input is not audio has
            ``"reads_audio": False``.
    """

    dataset: str
    info: Mapping[str, Any]
    models: Mapping[str, Mapping[str, float]]
    cells: tuple[Mapping[str, Any], ...]

    @property
    def id(self) -> str:
        """Name of the sweep: W&B's group."""
        text = f"{self.dataset}\n{self.info['contract']}"
        return f"{self.dataset}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def n_boot(self) -> int:
        """Bootstrap replicates."""
        return int(self.info["n_boot"])

    def of_kind(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the cells of a kind."""
        return [cell for cell in self.cells if cell["kind"] == kind]


def record(
    plan: Plan,
    costs: Mapping[str, Mapping[str, float]],
    info: Mapping[str, Any],
    store: Store,
) -> tuple[RunRecord, str]:
    """Merge a plan into the record of its dataset and write it.

    A record of another contract or format is replaced. The cells that it lists stay in the store.

    Args:
        plan: Cells to add; those with the labels of older ones replace them.
        costs: Counted cost by model label.
        info: Facts on the corpus and the preset.
        store: Results folder.

    Returns:
        The record, and why an older record was replaced instead of extended; empty if it was not.
    """
    info = {**info, "contract": plan.contract, "preset": plan.preset, **plan.compared.to_info()}
    entries = tuple(_entry(cell, plan) for cell in plan.cells)
    sweep = RunRecord(plan.dataset, info, costs, entries)
    reason = ""
    path = store.results / plan.dataset / RECORD
    if path.is_file():
        if read_json(path).get("format") != FORMAT:
            reason = "written by another version of tagbench"
        elif (old := load(plan.dataset, store)).info["contract"] != plan.contract:
            reason = _difference(old.info["contract"], plan.contract)
        else:
            sweep = unite(old, sweep)
    return write(sweep, store), reason


def unite(old: RunRecord, new: RunRecord) -> RunRecord:
    """Return a record with the cells and models of both; those of ``new`` take precedence."""
    cells = {cell_key(cell): cell for cell in (*old.cells, *new.cells)}
    info = dict(new.info)
    for name in ("bibtex", "checkpoints"):
        if values := {**old.info.get(name, {}), **new.info.get(name, {})}:
            info[name] = values
    if "compared_tags" in old.info:  # equal in both, because the contract determines it
        info["compared_tags"] = old.info["compared_tags"]
    return RunRecord(new.dataset, info, {**old.models, **new.models}, tuple(cells.values()))


def write(sweep: RunRecord, store: Store) -> RunRecord:
    """Write a record and return it as it is read again."""
    path = store.results / sweep.dataset / RECORD
    path.parent.mkdir(parents=True, exist_ok=True)
    # Sorted, so that the tables do not depend on the order of the runs.
    cells = tuple(sorted(sweep.cells, key=cell_key))
    sweep = replace(sweep, models=dict(sorted(sweep.models.items())), cells=cells)
    write_json(
        path,
        {
            "format": FORMAT,
            "dataset": sweep.dataset,
            "info": dict(sweep.info),
            "models": dict(sweep.models),
            "cells": list(sweep.cells),
        },
        indent=None,
    )
    return sweep


def load(dataset: str, store: Store) -> RunRecord:
    """Read the record of a dataset.

    Raises:
        TagbenchError: Nothing was run on it; the message names the nearest dataset that was.
    """
    path = store.results / dataset / RECORD
    if not path.is_file():
        names = datasets(store)
        if not names:
            raise TagbenchError(
                f"There are no results in {store.results}. Run a benchmark first: "
                f"tagbench run --dataset {dataset}"
            )
        raise unknown_name("dataset", dataset, names, str(store.results))
    content = read_json(path)
    if content.get("format") != FORMAT:
        raise TagbenchError(
            f"{path} has format {content.get('format')!r}, expected {FORMAT}: it was written by "
            "another version. Run the benchmark again; finished cells are kept."
        )
    return RunRecord(
        content["dataset"], content["info"], content["models"], tuple(content["cells"])
    )


def datasets(store: Store) -> list[str]:
    """Return the datasets that have results."""
    return sorted(path.parent.name for path in store.results.glob(f"*/{RECORD}"))


def evaluations(sweep: RunRecord, store: Store) -> list[Evaluation]:
    """Return every finished evaluation of a sweep."""
    info, compared = sweep.info, ComparedTags.from_info(sweep.info)
    return [
        Evaluation(
            cell_id=cell["id"],
            dataset=sweep.dataset,
            model=cell["labels"]["model"],
            seed=cell["labels"]["seed"],
            condition=Condition.from_labels(cell["labels"]),
            task=cell["labels"]["task"],
            predictions=store.folder(cell["id"]) / "predictions.npz",
            cost=sweep.models[cell["labels"]["model"]],
            provenance={
                "windows": cell["labels"]["windows"],
                "preset": cell["labels"]["preset"],
                "manifest_digest": info["manifest_digest"][:12],
                "split_digest": info["split_digest"][:12],
                "version": store.metrics(cell["id"]).get("provenance", {}).get("tagbench", ""),
                **_origin(compared, cell["labels"]["model"]),
            },
            **_selection(compared, cell["labels"]["model"]),
            trained_tags=store.trained_tags(cell["depends_on"]),
        )
        for cell in sweep.of_kind("evaluation")
        if store.state(cell["id"]) == "done"
    ]


def _difference(old: str, new: str) -> str:
    """Return why results of one contract cannot be in a table with those of another."""
    before, after = json.loads(old), json.loads(new)
    if {**before, "tags": []} != {**after, "tags": []}:
        return "made with another corpus, split or preset"
    counts = [len(terms["tags"]) if "tags" in terms else "all" for terms in (before, after)]
    return (
        f"compared on other tags ({counts[0]} then, {counts[1]} now; run all models together to "
        "have them in one table)"
    )


def _origin(compared: ComparedTags | None, model: str) -> dict[str, str]:
    """Return the provenance of a model's row where an imported model is in the table."""
    if compared is None:
        return {}
    own = compared.models.get(model.removesuffix(SINGLE_CLIPS))
    digest = hashlib.sha256("\n".join(compared.tags).encode()).hexdigest()
    return {
        "trained_on": own.trained_on if own else "",
        "tag_set": "" if compared.whole else digest[:12],
    }


def _selection(compared: ComparedTags | None, model: str) -> dict[str, tuple[str, ...]]:
    """Return the tags and columns of an evaluation, if not all that are stored are compared."""
    columns = compared.columns(model.removesuffix(SINGLE_CLIPS)) if compared else None
    return {"tags": compared.tags, "columns": columns} if compared and columns else {}


def failures(sweep: RunRecord, store: Store) -> list[CellFailure]:
    """Return the failed cells of a record, including those whose training failed."""
    failed = []
    for cell in sweep.cells:
        document = store.failure(cell["id"])
        if document is None or store.state(cell["id"]) == "done":
            continue
        labels = cell["labels"]
        message = " ".join(f"{document['error']}: {document['message']}".split())
        failed.append(
            CellFailure(
                dataset=sweep.dataset,
                model=labels["model"],
                seed=labels["seed"],
                perturbation=labels.get("perturbation", ""),
                level=labels.get("level"),
                stage=document["stage"],
                error=message,
                cell_id=cell["id"],
            )
        )
    return failed


def _entry(cell: Cell, plan: Plan) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": cell.id,
        "kind": cell.kind,
        "labels": cell.label_values(),
        "depends_on": list(cell.depends_on),
    }
    if cell.id in plan.clean_only:
        entry["reads_audio"] = False
    augmented = plan.augmented.get(cell.id)
    return entry if augmented is None else {**entry, "augmented": augmented.to_json()}


def without_audio(record: RunRecord) -> frozenset[str]:
    """Return the names of the models whose input is not audio."""
    return frozenset(
        cell["labels"]["model"] for cell in record.cells if cell.get("reads_audio") is False
    )


def dependency_order(cells: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return cells of a record so that each comes after those that it depends on."""
    by_id = {cell["id"]: cell for cell in cells}
    depths: dict[str, int] = {}

    def depth(cell: str) -> int:
        if cell not in depths:
            parents = by_id[cell]["depends_on"] if cell in by_id else []
            depths[cell] = 1 + max(map(depth, parents), default=-1)
        return depths[cell]

    return sorted(cells, key=lambda cell: depth(cell["id"]))


def cell_key(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the labels that identify a cell in its record."""
    labels = cell["labels"]
    return (
        cell["kind"],
        labels["model"],
        labels["seed"],
        labels.get("protocol", ""),
        labels.get("family", ""),
        labels.get("perturbation", ""),
        labels.get("severity", 0),
    )


def folder(dataset: str, store: Store) -> Path:
    """Return the folder of a dataset's tables and report."""
    return store.results / dataset
