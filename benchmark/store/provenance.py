"""Versions, source revision and machine of a result; they are not part of a cell's identity."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmark import __version__
from benchmark.store.files import file_sha256

PACKAGES = (
    "torch",
    "torchaudio",
    "pytorch-lightning",
    "torchmetrics",
    "nnAudio",
    "audiomentations",
    "python-stretch",
    "librosa",
    "soundfile",
    "soxr",
    "numba",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "wandb",
)
ROOT = Path(__file__).resolve().parents[2]


def package_version(name: str) -> str:
    """Return the installed version of a distribution, or ``"absent"``."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def compatible_version(version: str) -> str:
    """Return the part of a version that comparable results have in common.

    As in semantic versioning, it is the major number, and before 1.0 the major and minor numbers.
    """
    major, _, rest = version.partition(".")
    return f"{major}.{rest.partition('.')[0]}" if major == "0" else major


def _git(*arguments: str) -> str:
    if not (ROOT / ".git").exists():  # installed, perhaps in a folder of another repository
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@cache
def provenance() -> dict[str, str]:
    """Return versions, source revision and machine, flat and without personal data."""
    commit = _git("rev-parse", "HEAD")
    dirty = bool(_git("status", "--porcelain", "--untracked-files=no"))
    lock = ROOT / "requirements.lock"
    return {
        "tagbench": __version__,
        "commit": (commit + ("-dirty" if dirty else "")) or "not a git checkout",
        "lock_sha256": file_sha256(lock)[:16] if lock.is_file() else "absent",
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_count": str(os.cpu_count()),
        **{name: package_version(name) for name in PACKAGES},
    }
