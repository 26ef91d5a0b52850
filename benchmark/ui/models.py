"""Models that the pages offer: cells of models and checkpoints, listed without loading them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.config.card import CARD
from benchmark.store.cell_kinds import ImportCell, TrainCell
from benchmark.ui.config import UiConfig
from datamodules.common.errors import TagbenchError


@dataclass(frozen=True)
class ModelEntry:
    """A model on disk.

    Attributes:
        id: Id of the cell, or the first digits of the digest of the weights of a checkpoint.
        title: Name of the model.
        detail: What distinguishes it from others of the same name.
        dataset: Dataset that it was trained on.
        n_tags: Number of its tags.
        rate: Sample rate of its input in Hz.
        folder: Folder that `benchmark.checkpoints.checkpoint.load_checkpoint` reads.
    """

    id: str
    title: str
    detail: str
    dataset: str
    n_tags: int
    rate: int
    folder: Path

    def shown(self) -> dict[str, Any]:
        """Return the JSON values for a page, which hold no path."""
        return {name: value for name, value in asdict(self).items() if name != "folder"}


def find_models(config: UiConfig) -> dict[str, ModelEntry]:
    """Return the models that predict tags by their id: those of runs first, by dataset and name."""
    models: dict[str, ModelEntry] = {}
    for entry in (*_cells(config.results / "cells"), *_checkpoints(config.checkpoints)):
        models.setdefault(entry.id, entry)  # a checkpoint may lie in two folders
    return models


def chosen_models(config: UiConfig, ids: Iterable[str]) -> list[ModelEntry]:
    """Return the models of some ids.

    Raises:
        TagbenchError: There is no such model.
    """
    models = find_models(config)
    missing = [one for one in ids if one not in models]
    if missing:
        raise TagbenchError(
            f"There is no model {missing[0]!r} any more. Reload the page to see those that exist."
        )
    return [models[one] for one in ids]


def _cells(folder: Path) -> list[ModelEntry]:
    entries = []
    for path in sorted(folder.glob("*/cell.json")):
        cell, metrics = _read(path), _read(path.with_name("metrics.json"))
        kind = cell.get("kind")
        facts = _read(path.with_name(CARD)) if metrics and kind == ImportCell.kind else metrics
        tags = facts.get("tags", ())
        if kind not in (TrainCell.kind, ImportCell.kind) or not tags:
            continue
        labels = cell["labels"]
        how = f"{labels['preset']}, seed {labels['seed']}"
        entries.append(
            ModelEntry(
                id=path.parent.name,
                title=labels["model"],
                detail=how if kind == TrainCell.kind else "imported",
                dataset=facts.get("dataset", labels["dataset"]),
                n_tags=len(tags),
                rate=int(cell["preimage"]["architecture"]["sample_rate"]),
                folder=path.parent,
            )
        )
    return sorted(entries, key=lambda entry: (entry.dataset, entry.title, entry.detail))


def _checkpoints(places: Iterable[Path]) -> Iterator[ModelEntry]:
    for place in places:
        for path in [place / CARD, *sorted(place.glob(f"*/{CARD}"))]:
            card = _read(path)
            if not card.get("tags"):  # an encoder, or no checkpoint
                continue
            yield ModelEntry(
                id=str(card["weights_sha256"])[:16],
                title=card["title"],
                detail=f"checkpoint {path.parent.name}",
                dataset=card["dataset"],
                n_tags=len(card["tags"]),
                rate=int(card["architecture"]["sample_rate"]),
                folder=path.parent,
            )


def _read(path: Path) -> dict[str, Any]:
    """Return a JSON object; empty where the file is missing, incomplete or not an object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
