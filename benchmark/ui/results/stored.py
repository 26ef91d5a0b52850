"""Finished evaluations of a record, and results that are computed from them once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from benchmark.store import run_record
from benchmark.store.outputs import code_digest
from benchmark.store.predictions import Evaluation
from benchmark.store.run_record import RunRecord
from benchmark.store.store import Store

_KEPT = 64
_computed: OrderedDict[str, Any] = OrderedDict()
_busy = threading.Lock()


def finished(
    record: RunRecord, store: Store, cells: Iterable[Mapping[str, Any]]
) -> list[Evaluation]:
    """Return those of some cells of a record that are finished."""
    return run_record.evaluations(replace(record, cells=tuple(cells)), store)


def content_key(
    record: RunRecord, store: Store, cells: Iterable[Mapping[str, Any]], *what: str
) -> str:
    """Return a digest of everything that a result is computed from."""
    files = {}
    for cell in cells:
        done = (store.folder(cell["id"]) / "metrics.json").is_file()
        files[cell["id"]] = store.metrics(cell["id"]).get("files") if done else None
    document = [what, files, dict(record.info), code_digest()]
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def once(key: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a result that is kept; one is computed at a time."""
    with _busy:
        if key not in _computed:
            _computed[key] = compute()
            if len(_computed) > _KEPT:
                _computed.popitem(last=False)
        _computed.move_to_end(key)
        result: dict[str, Any] = _computed[key]
    return result
