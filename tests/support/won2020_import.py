"""Import of a state dict that a test made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from benchmark.checkpoints.importer import Imported, import_checkpoint


def save_state(folder: Path, content: Any) -> Path:
    """Save a state dict as the reference does, and return the path of the file."""
    path = folder / "best_model.pth"
    torch.save(content, path)
    return path


def import_state(
    folder: Path, content: Any, model: str = "fcn", dataset: str = "mtat", **more
) -> Imported:
    """Import a state dict as a checkpoint below ``folder / "out"``."""
    return import_checkpoint(save_state(folder, content), model, dataset, folder / "out", **more)


def imported_weights(imported: Imported) -> dict[str, Tensor]:
    """Return the tensors that an import has written."""
    return safetensors.torch.load_file(imported.folder / "model.safetensors")
