"""Reader of the run files that W&B writes offline."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

BLOCK, FULL, LAST = 32768, 1, 4


def records(path: Path) -> Iterator[Any]:
    """Yield the records of a ``.wandb`` run file, a LevelDB log behind a header of 7 bytes."""
    content, at, parts = path.read_bytes(), 7, b""
    assert content[:4] == b":W&B"
    while at + 7 <= len(content):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        parts += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (FULL, LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


def read_run(path: Path) -> dict[str, Any]:
    run: dict[str, Any] = {"history": set(), "summary": {}, "config": {}}
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run |= {k: getattr(record.run, k) for k in ("run_id", "project", "entity")}
            run |= {"group": record.run.run_group, "job_type": record.run.job_type}
            run["config"] |= {
                item.key: json.loads(item.value_json) for item in record.run.config.update
            }
        elif kind == "history":
            # A table is logged under its name with parts such as "_type" below it.
            run["history"] |= {item.key or item.nested_key[0] for item in record.history.item}
        elif kind == "summary":
            run["summary"] |= {
                item.key or ".".join(item.nested_key): json.loads(item.value_json)
                for item in record.summary.update
            }
    return run


def offline_runs(results: Path) -> list[dict[str, Any]]:
    return [read_run(path) for path in sorted((results / "wandb").glob("offline-run-*/*.wandb"))]
