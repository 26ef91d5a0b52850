"""Results of several machines in one folder.

Everything is checked before anything is copied: that all sweeps of a dataset keep one contract,
that no model or condition means one thing here and another there, and that the same series of
versions made the cells. A cell then travels as it was written, ``metrics.json`` last, so that a
kill at any instant leaves cells that are there or still to come.
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

from benchmark.config.files import flat
from benchmark.config.identity import ID_LENGTH, canonical
from benchmark.store import run_record as sweeps
from benchmark.store.files import copy_file, write_json
from benchmark.store.provenance import compatible_version
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError


def merge(others: Sequence[Store], store: Store, console: Console) -> list[RunRecord]:
    """Bring the finished and the failed cells of other results folders into this one.

    What is done here stays as it is. The caller holds the lock of ``store`` and scores anew.

    Args:
        others: Where to read; nothing is written there.
        store: Where to write.
        console: For people.

    Returns:
        The united record of every dataset that the others hold.

    Raises:
        TagbenchError: A folder without results; another contract, another cell under the same
            name, another series of versions; a cell that is not what its id says.
    """
    ours = {name: sweeps.load(name, store) for name in sweeps.datasets(store)}
    sources = {name: [(store, sweep)] for name, sweep in ours.items()}
    found = [(other, sweep) for other in others for sweep in _sweeps_of(other, store)]
    for other, sweep in found:
        for known, before in sources.setdefault(sweep.dataset, []):
            check_contract(before, known, sweep, other)
            _check_cells(before, known, sweep, other)
            _check_versions(before, known, sweep, other)
            if caution := samples_differ(before, sweep):
                console.print(f"[yellow]{caution}[/] ({known.results}, {other.results})")
        sources[sweep.dataset].append((other, sweep))
    united: dict[str, RunRecord] = {}
    for other, sweep in found:
        old = united.get(sweep.dataset) or ours.get(sweep.dataset)
        united[sweep.dataset] = sweeps.unite(sweep, old) if old else sweep
        _bring(sweep, other, store, console)
        store.copy_plans(other)
    return [sweeps.write(sweep, store) for sweep in united.values()]


def _sweeps_of(other: Store, store: Store) -> list[RunRecord]:
    if other.results.resolve() == store.results.resolve():
        raise TagbenchError(f"{other.results} is the folder to merge into: name another machine's.")
    names = sweeps.datasets(other)
    if not names:
        raise TagbenchError(
            f"{other.results} holds no <dataset>/{sweeps.RECORD}: name a results folder, the one "
            "that --results named when the benchmark ran."
        )
    found = [sweeps.load(name, other) for name in names]
    for name, sweep in zip(names, found, strict=True):
        ids = [cell["id"] for cell in sweep.cells]
        if sweep.dataset != name or not all(
            re.fullmatch(f"[0-9a-f]{{{ID_LENGTH}}}", i) for i in ids
        ):
            raise TagbenchError(f"{other.results / name / sweeps.RECORD} was edited: no merge.")
    return found


def check_contract(ours: RunRecord, here: Store, theirs: RunRecord, there: Store) -> None:
    """Raise unless two sweeps of a dataset may share a table, and say what differs."""
    old, new = (_terms(sweep) for sweep in (ours, theirs))
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if not names:
        return
    parts = "; ".join(f"{_PARTS.get(n, n)}: {old.get(n)} against {new.get(n)}" for n in names)
    raise TagbenchError(
        f"The results of {ours.dataset} in {here.results} and {there.results} do not belong in one "
        f"table. They differ in {parts}. Nothing was copied. Run one of them again as the other "
        "was run, or keep them apart; tagbench compare --force shows them side by side."
    )


def _terms(sweep: RunRecord) -> dict[str, Any]:
    """Return what all rows of a table share: the contract, and what mCE is relative to."""
    return {**flat(json.loads(sweep.info["contract"])), "baseline": sweep.info["baseline"]}


_PARTS = {
    "inputs.manifest": "corpus (manifest sha256)",
    "inputs.split": "split (sha256)",
    "inputs.tags": "tags (sha256)",
    "inputs.task": "task",
    "baseline": "baseline of mCE",
    "n_boot": "bootstrap replicates (n_boot)",
}


def _check_cells(ours: RunRecord, here: Store, theirs: RunRecord, there: Store) -> None:
    """Raise when a label means different cells: another code, engine or parameter made them."""
    known = {sweeps.cell_key(cell): cell["id"] for cell in ours.cells}
    # Training first: what differs there differs in all its evaluations too.
    for cell in sweeps.dependency_order(theirs.cells):
        old = known.get(sweeps.cell_key(cell), cell["id"])
        if old == cell["id"]:
            continue
        before, after = (flat(s.read(i)["preimage"]) for s, i in ((here, old), (there, cell["id"])))
        names = [n for n in sorted({*before, *after}) if before.get(n) != after.get(n)]
        parts = "; ".join(f"{n} {before.get(n)} against {after.get(n)}" for n in names)
        labels = cell["labels"]
        what = " ".join(str(labels[n]) for n in ("model", "seed", "perturbation") if n in labels)
        raise TagbenchError(
            f"{ours.dataset}, {what}: cell {old} of {here.results} and cell {cell['id']} of "
            f"{there.results} go by one name and differ in {parts}. Nothing was copied. Give the "
            "model another name, or run one folder again with the other's versions."
        )


def samples_differ(ours: RunRecord, theirs: RunRecord) -> str:
    """Return what to say where two records have decoded samples of other digests, else nothing."""
    old, new = (record.info.get("samples_digest") or "" for record in (ours, theirs))
    if not old or not new or old == new:
        return ""
    return (
        f"The decoded samples of {ours.dataset} differ: {old[:12]} against {new[:12]}. Other "
        "versions of the decoders or another processor made them; scores may differ slightly."
    )


def _check_versions(ours: RunRecord, here: Store, theirs: RunRecord, there: Store) -> None:
    old, new = _versions(ours, here), _versions(theirs, there)
    if old and not new <= old:
        raise TagbenchError(
            f"The cells of {ours.dataset} in {here.results} were made by tagbench "
            f"{', '.join(sorted(old))}, those in {there.results} by {', '.join(sorted(new))}. "
            "Nothing was copied. Run one of them again with the other's version."
        )


def _versions(sweep: RunRecord, store: Store) -> set[str]:
    done = [cell["id"] for cell in sweep.cells if store.state(cell["id"]) == "done"]
    found = (store.metrics(cell).get("provenance", {}).get("tagbench") for cell in done)
    return {compatible_version(version) for version in found if version}


def _bring(sweep: RunRecord, source: Store, store: Store, console: Console) -> None:
    """Copy the cells of one sweep, training before the evaluations that rest on it."""
    counts: Counter[str] = Counter()
    foreign: set[str] = set()
    for cell in sweeps.dependency_order(sweep.cells):
        name, state = cell["id"], source.state(cell["id"])
        if state == "pending":
            counts["not done there"] += 1
        elif store.state(name) == "done":
            _check_preimage(name, source, store)
            counts["here already"] += 1
            if state == "done" and source.metrics(name)["files"] != store.metrics(name)["files"]:
                foreign.add(name)
        elif foreign.intersection(cell["depends_on"]):
            foreign.add(name)
            counts["left there, as the model was trained here to other weights"] += 1
        elif state == "done":
            copy_cell(name, source, store)
            counts["copied"] += 1
        elif store.state(name) == "pending":
            _copy_failure(name, source, store)
            counts["failed there"] += 1
    told = ", ".join(f"{count} {what}" for what, count in counts.items()) or "no cells"
    console.print(f"{sweep.dataset} of {source.results}: {told}", highlight=False)


def _check_preimage(cell: str, source: Store, store: Store) -> Mapping[str, Any]:
    """Return ``cell.json`` of the source, or raise where it is not what the id stands for."""
    document = source.read(cell)
    text = canonical(document["preimage"])
    if hashlib.sha256(text.encode("ascii")).hexdigest()[:ID_LENGTH] != cell:
        raise TagbenchError(
            f"{source.folder(cell)}/cell.json is not the configuration that its id stands for: it "
            "was edited. Remove that folder and run the benchmark there again."
        )
    own = store.folder(cell) / "cell.json"
    if own.is_file() and store.read(cell)["preimage"] != document["preimage"]:
        raise TagbenchError(
            f"{own} holds another configuration than {source.folder(cell)}/cell.json under the "
            f"same id. It was edited: remove the folder {own.parent} and merge again."
        )
    return document


def copy_cell(cell: str, source: Store, store: Store) -> None:
    """Copy a finished cell, each file checked against the digest that its maker recorded.

    Raises:
        TagbenchError: A file has other content, or the cell is not what its id says.
    """
    document, metrics = _check_preimage(cell, source, store), source.metrics(cell)
    here = store.folder(cell)
    here.mkdir(parents=True, exist_ok=True)
    if not (here / "cell.json").is_file():
        write_json(here / "cell.json", document)
    for name, digest in metrics["files"].items():
        if Path(name).name != name:
            raise TagbenchError(f"{source.folder(cell)}/metrics.json names {name!r}: not a file.")
        copy_file(source.folder(cell) / name, here / name, digest)
    (here / "failed.json").unlink(missing_ok=True)
    write_json(here / "metrics.json", metrics)


def _copy_failure(cell: str, source: Store, store: Store) -> None:
    document = _check_preimage(cell, source, store)
    here = store.folder(cell)
    here.mkdir(parents=True, exist_ok=True)
    if not (here / "cell.json").is_file():
        write_json(here / "cell.json", document)
    write_json(here / "failed.json", source.failure(cell))
