"""Embeddings of all windows of a dataset by a frozen encoder."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.base import Batch
from lightning_modules.base import TaggingModule, batch_inputs
from lightning_modules.inputs import windows_per_pass


def embed_windows(
    encoder: TaggingModule, batches: Iterable[Batch], device: torch.device
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the embeddings (W, D) of all windows, and the position of the track of each (W,)."""
    features, tracks, n_tracks = [], [], 0
    with torch.inference_mode():
        for batch in batches:
            inputs = batch_inputs(batch).to(device)
            for windows in torch.split(inputs, windows_per_pass(inputs[0].numel())):
                features.append(encoder.embed(windows).float().cpu().numpy())
            tracks.append(batch["track_index"].numpy() + n_tracks)
            n_tracks += len(batch["track_ids"])
    return np.concatenate(features), np.concatenate(tracks)
