"""What a check of ``tagbench doctor`` finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["OK", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        subject: What was checked, in one or two words.
        level: ``"fail"`` if benchmarks cannot run, ``"warn"`` if they run with a restriction.
        text: What was found, without a full stop.
        remedy: What to do about it, or with it; empty if nothing is to be done.
    """

    subject: str
    level: Level
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Places:
    """Folders that the checks read.

    Attributes:
        data_root: Folder of prepared corpora.
        results: Results folder.
        checkpoints: Folder of imported checkpoints.
    """

    data_root: Path
    results: Path
    checkpoints: Path
