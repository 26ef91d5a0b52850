"""Report of model scores that are not finite, with what is known of their cause."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from datamodules.corpus.corpus import Corpus

_LOUD = 16.0  # 24 dB above full scale


def invalid_scores(
    scores: NDArray[np.float32],
    track_ids: Sequence[str],
    rows: Sequence[int],
    corpus: Corpus,
    module: nn.Module,
) -> str | None:
    """Describe scores that are NaN or infinite.

    A cause is named only if it is seen: weights that are not finite, or samples far above full
    scale in the stored audio of the first affected track.

    Args:
        scores: Shape (tracks, tags).
        track_ids: Ids (tracks,).
        rows: Rows (tracks,) of the tracks in the corpus.
        corpus: Holds the audio before perturbing.
        module: The model that gave the scores.

    Returns:
        A message; None if all scores are finite.
    """
    invalid = np.flatnonzero(~np.isfinite(scores).all(1))
    if not len(invalid):
        return None
    first = int(invalid[0])
    message = (
        f"The scores contain NaN or infinity for {len(invalid)} of {len(scores)} tracks, the first "
        f"is {track_ids[first]!r}."
    )
    tensors = module.state_dict().items()
    broken = [name for name, value in tensors if not bool(value.isfinite().all())]
    if broken:
        return f"{message} The weights contain NaN or infinity too, in {broken[0]!r}: train again."
    peak = float(np.abs(corpus.audio(rows[first])).max())
    if peak > _LOUD:
        return (
            f"{message} Its audio has a sample of {peak:.3g}, where full scale is 1: the file was "
            "probably damaged. Replace it or remove it from the dataset."
        )
    return message
