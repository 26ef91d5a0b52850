"""Preparation in a process of its own, for tests that kill or limit it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

_SCRIPT = """
import sys
from pathlib import Path
from tests.support.sources import run, watched
folder, workers, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
corpus = run(watched(24, folder / "log", delay_s=0.02), folder / "c", workers=workers)
print(corpus.manifest_digest)
"""


def start_prepare(folder: Path, workers: int, limit: int = 0) -> subprocess.Popen[str]:
    """Start to prepare 24 tracks of noise; ``limit`` is the most bytes that a file may have."""
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, str(folder), str(workers), str(limit)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
