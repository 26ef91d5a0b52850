"""Perturbed audio on disk, for those perturbations that cost ten times what reading back does.

Off by default: one pass over the conditions serves every model. It pays where models are added to
an evaluation one by one. What is read back is the very samples that were written, so no result
depends on the cache; that machines may differ in the last bit is why the machine is in the key.

A file is named by what decides its content and holds a digest of itself: what was cut short or
damaged is computed anew. Several processes and runs may share a folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations import CLEAN, Condition, perturb
from benchmark.perturbations.catalogue import catalogue_entry
from datamodules.common.canonical_json import canonical_json
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import PARTIAL, exclusive_lock, free_bytes

if TYPE_CHECKING:
    from rich.console import Console

Audio = NDArray[np.float32]

FAMILIES = frozenset({"pitch_shift", "time_stretch"})
"""Families that are kept: others take no longer to compute than to read."""

_SUFFIX = ".f32"
_USED = "used"  # holds the bytes that files take, or soon will
_DIGEST = 16
_LEVEL = 1  # of zstd; a higher one saves 1 % more and takes three times as long


@dataclass(frozen=True)
class CacheConfig:
    """Where perturbed audio is kept, and how much of it.

    Attributes:
        folder: Created when needed.
        capacity: Size in bytes; what does not fit is computed each time.
    """

    folder: str
    capacity: int


class AudioCache:
    """Perturbed tracks in a folder.

    Args:
        config: Where, and how much.
    """

    def __init__(self, config: CacheConfig) -> None:
        self.folder, self.capacity = Path(config.folder), config.capacity
        self._full = False

    def perturb(
        self, audio: Audio, sample_rate: int, condition: Condition, *, seed: int, track_id: str
    ) -> Audio:
        """Return what `benchmark.perturbations.perturb` returns, read back where it is there."""
        if not keeps(condition) or not audio.size:
            return perturb(audio, sample_rate, condition, seed=seed, track_id=track_id)
        path = self._path(audio, sample_rate, condition, seed, track_id)
        heard = _read(path)
        if heard is None:
            heard = perturb(audio, sample_rate, condition, seed=seed, track_id=track_id)
            self._keep(path, heard)
        return heard

    def _path(
        self, audio: Audio, sample_rate: int, condition: Condition, seed: int, track_id: str
    ) -> Path:
        clean = np.ascontiguousarray(audio, dtype=np.float32)
        content = {
            "clean": hashlib.sha256(clean.data).hexdigest(),
            "sample_rate": sample_rate,
            "steps": [[*_identity(s.perturbation), s.family, s.level] for s in condition.steps],
            "seed": seed,
            "track": track_id,
            "machine": [platform.system(), platform.machine()],
        }
        name = hashlib.sha256(canonical_json(content).encode()).hexdigest()[:40]
        return self.folder / name[:2] / f"{name}{_SUFFIX}"

    def _keep(self, path: Path, audio: Audio) -> None:
        if self._full:
            return
        content = _pack(audio)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not self._reserve(len(content)):
                self._full = True
                return
            # Not flushed: after a power cut the digest tells, and the audio is computed again.
            partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
            partial.write_bytes(content)
            partial.replace(path)
        except OSError:
            self._full = True  # a full disk or one without permission: results need no cache

    def _reserve(self, size: int) -> bool:
        """Book space in the ledger that all processes share."""
        with exclusive_lock(self.folder / f"{_USED}.lock", lambda: None):
            ledger = self.folder / _USED
            used = _number(ledger)
            if used + size > self.capacity:
                return False
            ledger.write_text(str(used + size), encoding="ascii")
        return True


def announce(config: CacheConfig, wanted: int, console: Console) -> None:
    """Make the folder ready and say what will be kept in it, before a sweep begins.

    Args:
        config: Where, and how much.
        wanted: Bytes that the sweep would take, see `size_of`.
        console: For people.

    Raises:
        TagbenchError: The folder cannot be written.
    """
    used = opened(config)
    free = free_bytes(Path(config.folder))
    text = (
        f"Audio cache {config.folder}: this sweep fills up to {wanted / 2**30:.2f} GiB; "
        f"{used / 2**30:.2f} of {config.capacity / 2**30:.2f} GiB are taken, "
        f"{free / 2**30:.1f} GiB free on the disk."
    )
    if used + wanted > config.capacity or wanted > free:
        text += " [yellow]What does not fit is computed each time.[/]"
    console.print(text, highlight=False)


def keeps(condition: Condition) -> bool:
    """Tell whether a condition is one whose audio is kept."""
    return condition.family in FAMILIES


def opened(config: CacheConfig) -> int:
    """Make the folder ready for a run, and return the bytes that are in it.

    What a killed process left half written is removed, and the ledger is set right.

    Raises:
        TagbenchError: The folder cannot be written.
    """
    folder = Path(config.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(folder / f"{_USED}.lock", lambda: None):
            for partial in folder.glob(f"??/*{PARTIAL}"):
                if not _alive(partial):
                    partial.unlink(missing_ok=True)
            used = sum(file.stat().st_size for file in folder.glob(f"??/*{_SUFFIX}"))
            (folder / _USED).write_text(str(used), encoding="ascii")
    except OSError as error:
        raise TagbenchError(
            f"--audio-cache {folder} cannot be written: {error}. Name another folder, or run "
            "without it: results do not depend on it."
        ) from error
    return used


def size_of(conditions: Iterable[Condition], samples: Sequence[int]) -> int:
    """Return the bytes that conditions would take, before they are packed by about a fifth.

    Args:
        conditions: Those that are not kept count for nothing.
        samples: Length of each track.
    """
    total = 0
    for condition in conditions:
        if condition != CLEAN and keeps(condition):
            perturbation = catalogue_entry(condition.perturbation)
            total += 4 * sum(perturbation.output_samples(n, condition.level) for n in samples)
    return total


@cache
def _identity(perturbation: str) -> tuple[str, int, dict[str, str]]:
    identity = catalogue_entry(perturbation).identity()
    return identity["name"], identity["revision"], identity["engine"]


def _alive(partial: Path) -> bool:
    """Tell whether the process that writes a file is still there; true where one cannot know."""
    try:
        os.kill(int(partial.name.split(".")[-2]), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:
        return True
    return True


def _number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _pack(audio: Audio) -> bytes:
    """Return a digest, the count of samples, and the samples, first bytes of all of them first."""
    import pyarrow as pa

    planes = np.ascontiguousarray(audio.astype("<f4", copy=False).view(np.uint8).reshape(-1, 4).T)
    packed = pa.Codec("zstd", compression_level=_LEVEL).compress(planes.data, asbytes=True)
    body = audio.size.to_bytes(8, "little") + packed
    return _digest(body) + body


def _read(path: Path) -> Audio | None:
    """Return what a file holds; None where it is absent or not whole."""
    import pyarrow as pa

    try:
        content = path.read_bytes()
    except OSError:
        return None
    body = memoryview(content)[_DIGEST:]
    if len(body) < 8 or _digest(body) != content[:_DIGEST]:
        return None
    samples = int.from_bytes(body[:8], "little")
    planes = pa.Codec("zstd").decompress(body[8:], 4 * samples, asbytes=True)
    shuffled = np.frombuffer(planes, np.uint8).reshape(4, samples)
    return (
        np.ascontiguousarray(shuffled.T).view("<f4").reshape(samples).astype(np.float32, copy=False)
    )


def _digest(body: bytes | memoryview) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST).digest()
