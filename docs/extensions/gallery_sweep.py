"""Sphinx extension that runs the sweep whose tables the gallery draws, if it is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = Path(__file__).resolve().parents[1] / "gallery"
"""Working folder of the scripts of the gallery."""

COMMAND = ("run", "--benchmark", "smoke", "--wandb", "disabled", "--no-audio")


def _run(app: Sphinx) -> None:
    if (FOLDER / "results" / "synth_smoke" / "leaderboard.csv").exists():
        return
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", *COMMAND],
        cwd=FOLDER, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"The sweep of the gallery failed.\n{done.stdout}{done.stderr}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension with Sphinx, before the gallery."""
    app.connect("builder-inited", _run, priority=50)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
