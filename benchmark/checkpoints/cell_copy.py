"""Copy an imported checkpoint into its cell, so that results do not depend on its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from benchmark.config.card import CARD, WEIGHTS, CheckpointCard
from benchmark.store.cell_kinds import ImportCell
from benchmark.store.files import read_json
from benchmark.store.provenance import provenance
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import replace_file


def copy_checkpoint(cell: ImportCell, store: Store) -> None:
    """Copy weights and card into the folder of a cell and mark the cell as done.

    Args:
        cell: Its ``launch`` names the folder of a checkpoint, or of a finished training cell.
        store: Results folder that contains the cell.

    Raises:
        TagbenchError: The folder no longer holds the weights that the cell was planned with.
    """
    source, target = Path(cell.launch["folder"]), store.folder(cell.id)
    copy_model(source, target, cell.identity.weights)
    facts: dict[str, Any] = {"provenance": provenance()}
    metrics = source / "metrics.json"  # of a cell
    trained = read_json(metrics).get("trained_tags") if metrics.is_file() else None
    if trained is not None:  # the model predicts other tags than it was trained on
        facts["trained_tags"] = trained
    store.finish(cell.id, facts, [WEIGHTS, CARD])


def copy_model(source: Path, target: Path, weights: str = "") -> CheckpointCard:
    """Write the model of a folder as a checkpoint, which depends on no other folder.

    Args:
        source: Folder of a checkpoint, or of a finished training cell.
        target: Folder of the new checkpoint.
        weights: Expected sha256 of the weights; empty for any.

    Returns:
        The card of the new checkpoint.

    Raises:
        TagbenchError: There is no checkpoint, it is damaged, or has other weights.
    """
    module, card = load_checkpoint(source)
    if weights and card.weights_sha256 != weights:
        raise TagbenchError(
            f"The weights in {source} have changed since the benchmark was planned. Run it again."
        )
    if (source / CARD).is_file():
        for name in (WEIGHTS, CARD):
            replace_file(target / name, (source / name).read_bytes())
        return card
    # A training cell: its best.ckpt becomes a checkpoint.
    kept = ("model", "title", "dataset", "architecture", "parts", "tags", "windows", "source")
    return save_checkpoint(target, module, **{name: getattr(card, name) for name in kept})
