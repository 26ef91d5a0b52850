"""Results on disk: cells, run records, predictions, tables, provenance, merging."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.store.results import Results

__all__ = ["open_results"]


def open_results(folder: Path | str) -> Results:
    """Open a results folder for reading.

    Args:
        folder: Folder that ``tagbench run --results`` wrote.

    Returns:
        The results of each dataset by name.

    Raises:
        TagbenchError: The folder holds no results.
    """
    from benchmark.store.results import Results  # imports pandas

    return Results(Path(folder))
