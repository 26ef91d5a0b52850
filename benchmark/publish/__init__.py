"""Publication of results in the formats that other tools read.

`publish` writes a folder: checkpoints with model cards and evaluation results for the Hugging Face
hub, the tables and predictions, the tracks of the dataset in Croissant, and the provenance of all
of it as an RO-Crate. `load_published` reads a checkpoint of such a folder back. No audio is
published.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.config.card import CheckpointCard
    from lightning_modules.base import TaggingModule

__all__ = ["load_published"]


def load_published(
    folder: Path | str, model: str = "", device: str = "cpu"
) -> tuple[TaggingModule, CheckpointCard]:
    """Load a published model in evaluation mode; its outputs are those of the model published.

    The weights are read from a safetensors file and compared with the sha256 in the card; nothing
    is unpickled from a published folder, and no code of it is run.

    Args:
        folder: Folder that ``tagbench publish`` wrote, or the folder of one of its models, also
            after a download from a hub. Everything that `load_checkpoint` accepts is accepted too.
        model: Name of a folder in ``models/``, where ``folder`` holds several models.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:<index>"``.

    Returns:
        The model, and the card that names its tags.

    Raises:
        TagbenchError: There is no such checkpoint, there are several, or it is damaged.
    """
    from benchmark.checkpoints.checkpoint import load_checkpoint  # imports torch
    from benchmark.publish.folder import check_class_is_elsewhere, checkpoint_folder

    checkpoint = checkpoint_folder(Path(folder), model)
    check_class_is_elsewhere(checkpoint)
    return load_checkpoint(checkpoint, device)
