"""Embeddings of all windows of a dataset by a frozen encoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.base import Batch
from lightning_modules.base import TaggingModule, batch_inputs
from lightning_modules.frozen.head import layer_vectors
from lightning_modules.inputs import windows_per_pass

_HALF_RANGE = 6e4
"""Largest value that is stored in half precision."""


def embed_windows(
    encoder: TaggingModule, batches: Iterable[Batch], device: torch.device
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the embeddings (W, D) of all windows, and the position of the track of each (W,).

    Those of several layers follow one after the other, see `layer_vectors`. They are float16, half
    the memory, unless a value exceeds its range; those of a single layer are float32.
    """
    several = len(encoder.layer_names) > 1
    features, tracks, n_tracks = [], [], 0
    with torch.inference_mode():
        for batch in batches:
            inputs = batch_inputs(batch).to(device)
            for windows in torch.split(inputs, windows_per_pass(inputs[0].numel())):
                values = layer_vectors(encoder, windows).cpu().numpy()
                half = several and np.abs(values).max() < _HALF_RANGE
                features.append(values.astype(np.float16) if half else values)
            tracks.append(batch["track_index"].numpy() + n_tracks)
            n_tracks += len(batch["track_ids"])
    return np.concatenate(features), np.concatenate(tracks)
