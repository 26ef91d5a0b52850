"""The identity of a table of embeddings: everything that determines its rows, except the tracks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.config.card import CheckpointCard
from datamodules.common.canonical_json import canonical_json
from datamodules.common.errors import TagbenchError
from datamodules.loaders.windowing import Protocol

FORMAT = "tagbench embeddings 1"
"""Name and version of the format of tables."""

_ABSENT = object()


def table_identity(
    card: CheckpointCard,
    layers: Sequence[str],
    windows: Protocol,
    source: Mapping[str, Any],
    *,
    per_window: bool,
) -> dict[str, Any]:
    """Return the identity of a table, as JSON values.

    Args:
        card: Card of the checkpoint.
        layers: Names of layers, in order.
        windows: Protocol that places the windows.
        source: Identity of the source of the tracks.
        per_window: Whether each window is a row.
    """
    identity = {
        "format": FORMAT,
        "model": card.model,
        "dataset": card.dataset,
        "weights_sha256": card.weights_sha256,
        "architecture": card.architecture.model_dump(),
        "parts": card.parts,
        "layers": list(layers),
        "windows": windows,
        "rows": "window" if per_window else "track",
        "source": dict(source),
    }
    plain: dict[str, Any] = json.loads(canonical_json(identity))
    return plain


def check_same(found: Mapping[str, Any], expected: Mapping[str, Any], path: Path) -> None:
    """Check that a file holds embeddings of this identity.

    Args:
        found: Identity in the file.
        expected: Identity that is asked for.
        path: The file.

    Raises:
        TagbenchError: They differ; the message says in what.
    """
    old, new = dict(_flat("", found)), dict(_flat("", expected))
    lines = [
        f"{name}: {_text(old.get(name, _ABSENT))} in the file, {_text(new.get(name, _ABSENT))} now"
        for name in sorted(old.keys() | new.keys())
        if old.get(name, _ABSENT) != new.get(name, _ABSENT)
    ]
    if lines:
        raise TagbenchError(
            f"{path} holds other embeddings. {'; '.join(lines)}. Name another file with --out, or "
            "delete this one."
        )


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, item)
    else:
        yield prefix, value


def _text(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 70 else f"{text[:67]}..."
