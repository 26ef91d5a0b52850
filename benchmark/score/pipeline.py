"""Tables of a dataset from its record and stored predictions, without audio or inference."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from benchmark.config.compared_tags import ComparedTags
from benchmark.config.trained_on import trained_on
from benchmark.score.tables.build import build_tables
from benchmark.score.tag_groups import TagFacts
from benchmark.store import run_record as sweeps
from benchmark.store.outputs import code_digest
from benchmark.store.store import Store
from benchmark.store.tables import Tables


def tables_of(sweep: sweeps.RunRecord, store: Store) -> Tables:
    """Compute the tables of a sweep from its stored predictions and measured effects."""
    return build_tables(
        sweeps.evaluations(sweep, store),
        sweeps.failures(sweep, store),
        n_boot=sweep.n_boot,
        baseline=sweep.info["baseline"],
        training_counts=sweep.info.get("training_counts"),
        facts=TagFacts(
            sweep.info.get("unstable_tags", {}),
            sweep.info.get("tag_categories", {}),
        ),
        clusters=sweep.info.get("clusters"),
        extra_metrics=sweep.info.get("metrics", ()),
        trained_on=trained_on(sweep.cells),
        compared=ComparedTags.from_info(sweep.info),
        without_audio=sweeps.without_audio(sweep),
    )


def inputs_digest(record: sweeps.RunRecord, store: Store) -> str:
    """Return the sha256 of everything that the tables of a dataset are computed from.

    The digest covers the record, the states of its cells, the digests of their files and the code.
    """
    cells = {}
    for cell in record.cells:
        name = cell["id"]
        state = store.state(name)
        metrics = store.metrics(name) if state == "done" else {}
        cells[name] = [
            state,
            metrics.get("files"),
            metrics.get("provenance"),
            None if state == "done" else store.failure(name),
        ]
    document = {
        "dataset": record.dataset,
        "info": dict(record.info),
        "models": dict(record.models),
        "record": list(record.cells),
        "cells": cells,
        "code": code_digest(),
    }
    text = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def damaged(sweep: sweeps.RunRecord, store: Store) -> Mapping[str, Path]:
    """Return the folders of finished cells whose files do not match their digests, by title."""
    folders = {}
    for cell in sweep.cells:
        folder = store.folder(cell["id"])
        if (folder / "metrics.json").is_file() and store.state(cell["id"]) != "done":
            folders[f"{cell['kind']} {cell['id']}"] = folder
    return folders


def other_samples(record: sweeps.RunRecord, store: Store) -> Mapping[str, int]:
    """Count finished evaluations whose decoded samples differ from the record, by their digest."""
    expected = record.info.get("samples_digest")
    counts: Counter[str] = Counter()
    for cell in record.of_kind("evaluation") if expected else ():
        if store.state(cell["id"]) == "done":
            digest = store.metrics(cell["id"]).get("samples_digest")
            if digest and digest != expected:
                counts[digest] += 1
    return counts
