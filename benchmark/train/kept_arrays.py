"""Arrays that trainings compute from their parents, kept for other trainings."""

from __future__ import annotations

import fcntl
import hashlib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.config.card import WEIGHTS
from benchmark.config.identity import canonical
from benchmark.store.cells import BEST
from benchmark.store.files import file_sha256, write_arrays
from benchmark.store.store import Store

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class KeptArrays:
    """Arrays in ``kept/`` in the folders of the parents of a training cell.

    Attributes:
        document: ``cell.json`` of the training.
        store: Results folder.
    """

    document: Mapping[str, Any]
    store: Store

    def keep(self, parent: str, key: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
        """Return the arrays of a key, which are computed if there are none yet.

        Args:
            parent: Name of the parent.
            key: Everything that determines the arrays beside the weights of the parent and the
                dataset, as JSON values.
            compute: Computes them.
        """
        preimage = self.document["preimage"]
        cell = self.store.folder(preimage["parents"][parent])
        architecture = preimage["architecture"]
        decisive = {
            **key,
            "weights": file_sha256(_weights(cell)),
            "inputs": preimage["inputs"],
            "window": architecture["window"],
            "sample_rate": architecture["sample_rate"],
        }
        digest = hashlib.sha256(canonical(decisive).encode("ascii")).hexdigest()[:16]
        path = cell / "kept" / f"{digest}.npz"
        path.parent.mkdir(exist_ok=True)
        with (path.parent / ".lock").open("w") as stream:
            # Another training that needs the same arrays waits for them.
            fcntl.flock(stream, fcntl.LOCK_EX)
            arrays = _read(path)
            if arrays is None:
                arrays = compute()
                write_arrays(path, **arrays)
        return arrays


def _weights(cell: Path) -> Path:
    """Return the file of the weights of a trained or of an imported model."""
    return next(path for name in (BEST, WEIGHTS) if (path := cell / name).is_file())


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path) as content:
            return dict(content)
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
