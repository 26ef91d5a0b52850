"""Merging of results folders, such as those of several machines.

Everything is checked before a file is copied: the records of a dataset must share one contract, a
label must refer to the same cell in all folders, and the cells must come from one series of
versions. The files of a cell are copied unchanged, ``metrics.json`` last, so that an interrupted
merge leaves only finished and pending cells.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmark.config.identity import ID_LENGTH, canonical
from benchmark.experiment_files import flat
from benchmark.store import run_record as run_records
from benchmark.store.files import copy_file, write_json
from benchmark.store.provenance import compatible_version
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError


def merge(others: Sequence[Store], store: Store, console: Console) -> list[RunRecord]:
    """Copy the finished and the failed cells of other results folders into ``store``.

    Finished cells of ``store`` are kept. The caller holds the lock of ``store`` and computes the
    tables afterwards.

    Args:
        others: Results folders to read; they are not changed.
        store: Results folder to write.
        console: Console for the summary and for cautions.

    Returns:
        The merged record of each dataset in ``others``.

    Raises:
        TagbenchError: A folder holds no results; the contracts, the cells of a label or the series
            of versions differ; a cell does not match its id or its digests.
    """
    own_records = {name: run_records.load(name, store) for name in run_records.datasets(store)}
    sources = {name: [(store, record)] for name, record in own_records.items()}
    other_records = [(other, record) for other in others for record in _records_of(other, store)]
    for other, record in other_records:
        for source, earlier in sources.setdefault(record.dataset, []):
            check_contract(earlier, source, record, other)
            _check_cells(earlier, source, record, other)
            _check_versions(earlier, source, record, other)
            if caution := samples_differ(earlier, record):
                console.print(f"[yellow]{caution}[/] ({source.results}, {other.results})")
        sources[record.dataset].append((other, record))
    merged: dict[str, RunRecord] = {}
    for other, record in other_records:
        old = merged.get(record.dataset) or own_records.get(record.dataset)
        merged[record.dataset] = run_records.unite(record, old) if old else record
        _copy_cells(record, other, store, console)
        store.copy_plans(other)
    return [run_records.write(record, store) for record in merged.values()]


def _records_of(other: Store, store: Store) -> list[RunRecord]:
    """Return the records of a results folder after checks of their names and ids."""
    if other.results.resolve() == store.results.resolve():
        raise TagbenchError(
            f"{other.results} is the folder to merge into. Name the results folder of another run."
        )
    names = run_records.datasets(other)
    if not names:
        raise TagbenchError(
            f"{other.results} holds no <dataset>/{run_records.RECORD}. Name a folder that "
            "tagbench run --results has written."
        )
    records = [run_records.load(name, other) for name in names]
    for name, record in zip(names, records, strict=True):
        ids = [cell["id"] for cell in record.cells]
        if record.dataset != name or not all(
            re.fullmatch(f"[0-9a-f]{{{ID_LENGTH}}}", i) for i in ids
        ):
            raise TagbenchError(
                f"{other.results / name / run_records.RECORD} was edited: its dataset or an id of "
                "a cell is not valid. Run the benchmark there again, then merge."
            )
    return records


def check_contract(
    first: RunRecord, first_store: Store, second: RunRecord, second_store: Store
) -> None:
    """Check that the results of two records may be in one table.

    Raises:
        TagbenchError: The contracts or the baselines differ; the message lists the differences.
    """
    old, new = (_terms(record) for record in (first, second))
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if not names:
        return
    differences = "; ".join(
        f"{_TERM_TITLES.get(name, name)}: {old.get(name)} against {new.get(name)}" for name in names
    )
    raise TagbenchError(
        f"The results of {first.dataset} in {first_store.results} and {second_store.results} "
        f"cannot be in one table. They differ in {differences}. Nothing was copied. "
        "Run one of them again with the settings of the other, or compare them with: tagbench "
        "compare --force"
    )


def _terms(record: RunRecord) -> dict[str, Any]:
    """Return the settings that all rows of a table share: the contract and the baseline of mCE."""
    return {**flat(json.loads(record.info["contract"])), "baseline": record.info["baseline"]}


_TERM_TITLES = {
    "inputs.manifest": "corpus (manifest sha256)",
    "inputs.split": "split (sha256)",
    "inputs.tags": "tags (sha256)",
    "inputs.task": "task",
    "tags": "compared tags",
    "baseline": "baseline of mCE",
    "n_boot": "bootstrap replicates (n_boot)",
}


def _check_cells(
    first: RunRecord, first_store: Store, second: RunRecord, second_store: Store
) -> None:
    """Raise a TagbenchError if a label refers to cells of different configurations."""
    first_ids = {run_records.cell_key(cell): cell["id"] for cell in first.cells}
    # Training cells first: their evaluations differ for the same reason.
    for cell in run_records.dependency_order(second.cells):
        old = first_ids.get(run_records.cell_key(cell), cell["id"])
        if old == cell["id"]:
            continue
        before, after = (
            flat(s.read(i)["preimage"]) for s, i in ((first_store, old), (second_store, cell["id"]))
        )
        names = [n for n in sorted({*before, *after}) if before.get(n) != after.get(n)]
        differences = "; ".join(f"{n} {before.get(n)} against {after.get(n)}" for n in names)
        labels = cell["labels"]
        label = " ".join(str(labels[n]) for n in ("model", "seed", "perturbation") if n in labels)
        raise TagbenchError(
            f"{first.dataset}, {label}: cell {old} of {first_store.results} and cell "
            f"{cell['id']} of {second_store.results} have the same name and differ in "
            f"{differences}. Nothing was copied. Rename the model, or run one folder again with "
            "the versions of the other."
        )


def samples_differ(first: RunRecord, second: RunRecord) -> str:
    """Return a caution if the decoded samples of two records differ, otherwise empty text."""
    old, new = (record.info.get("samples_digest") or "" for record in (first, second))
    if not old or not new or old == new:
        return ""
    return (
        f"The decoded samples of {first.dataset} differ: {old[:12]} against {new[:12]}. Other "
        "versions of the decoders or another processor were used; scores may differ slightly."
    )


def _check_versions(
    first: RunRecord, first_store: Store, second: RunRecord, second_store: Store
) -> None:
    """Raise a TagbenchError if the cells of two records come from different series of versions."""
    old, new = _versions(first, first_store), _versions(second, second_store)
    if old and not new <= old:
        raise TagbenchError(
            f"The cells of {first.dataset} in {first_store.results} were made by tagbench "
            f"{', '.join(sorted(old))}, those in {second_store.results} by "
            f"{', '.join(sorted(new))}. "
            "Nothing was copied. Run one of them again with the other's version."
        )


def _versions(record: RunRecord, store: Store) -> set[str]:
    """Return the series of versions of tagbench that made the finished cells."""
    done = [cell["id"] for cell in record.cells if store.state(cell["id"]) == "done"]
    versions = (store.metrics(cell).get("provenance", {}).get("tagbench") for cell in done)
    return {compatible_version(version) for version in versions if version}


def _copy_cells(record: RunRecord, source: Store, store: Store, console: Console) -> None:
    """Copy the cells of a record, each after those that it depends on, and print their counts."""
    counts: Counter[str] = Counter()
    differing: set[str] = set()  # finished in both folders with different files
    for cell in run_records.dependency_order(record.cells):
        name, state = cell["id"], source.state(cell["id"])
        if state == "pending":
            counts["pending in the source"] += 1
        elif store.state(name) == "done":
            _check_preimage(name, source, store)
            counts["already present"] += 1
            if state == "done" and source.metrics(name)["files"] != store.metrics(name)["files"]:
                differing.add(name)
        elif differing.intersection(cell["depends_on"]):
            differing.add(name)
            counts["not copied, because the model has other weights here"] += 1
        elif state == "done":
            copy_cell(name, source, store)
            counts["copied"] += 1
        elif store.state(name) == "pending":
            _copy_failure(name, source, store)
            counts["failed in the source"] += 1
    summary = ", ".join(f"{count} {title}" for title, count in counts.items()) or "no cells"
    console.print(f"{record.dataset} of {source.results}: {summary}", highlight=False)


def _check_preimage(cell: str, source: Store, store: Store) -> Mapping[str, Any]:
    """Return ``cell.json`` of the source.

    Raises:
        TagbenchError: Its configuration does not have the hash that the id states, or differs from
            that of the cell in ``store``.
    """
    document = source.read(cell)
    text = canonical(document["preimage"])
    if hashlib.sha256(text.encode("ascii")).hexdigest()[:ID_LENGTH] != cell:
        raise TagbenchError(
            f"{source.folder(cell)}/cell.json was edited: its configuration does not match its "
            "id. Remove that folder and run the benchmark there again."
        )
    own = store.folder(cell) / "cell.json"
    if own.is_file() and store.read(cell)["preimage"] != document["preimage"]:
        raise TagbenchError(
            f"{own} holds another configuration than {source.folder(cell)}/cell.json under the "
            f"same id. It was edited. Remove the folder {own.parent} and merge again."
        )
    return document


def copy_cell(cell: str, source: Store, store: Store) -> None:
    """Copy a finished cell, and check each file against its digest in ``metrics.json``.

    Raises:
        TagbenchError: A file does not match its digest, or the cell does not match its id.
    """
    document, metrics = _check_preimage(cell, source, store), source.metrics(cell)
    target = store.folder(cell)
    target.mkdir(parents=True, exist_ok=True)
    if not (target / "cell.json").is_file():
        write_json(target / "cell.json", document)
    for name, digest in metrics["files"].items():
        if Path(name).name != name:
            raise TagbenchError(
                f"{source.folder(cell)}/metrics.json names {name!r}, which is not a file name."
            )
        copy_file(source.folder(cell) / name, target / name, digest)
    (target / "failed.json").unlink(missing_ok=True)
    write_json(target / "metrics.json", metrics)


def _copy_failure(cell: str, source: Store, store: Store) -> None:
    document = _check_preimage(cell, source, store)
    target = store.folder(cell)
    target.mkdir(parents=True, exist_ok=True)
    if not (target / "cell.json").is_file():
        write_json(target / "cell.json", document)
    write_json(target / "failed.json", source.failure(cell))
