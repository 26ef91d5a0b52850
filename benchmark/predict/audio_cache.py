"""Cache of perturbed audio on disk, for perturbations that take ten times as long as reading.

The cache is off by default, because one pass over the conditions serves all models. It saves time
when models are added to an evaluation one by one. Reading returns exactly the samples that were
written, so that no result depends on the cache. The key contains the kind of machine, because
machines may differ in the last bit.

The name of a file is a hash of everything that determines its content, and the file contains a
digest of itself: incomplete and damaged files are computed again. Several processes and runs may
share a folder.
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
"""Families that are cached: other perturbations are as fast to compute as to read."""

_SUFFIX = ".f32"
_USED = "used"  # file that holds the size of the cache, reserved space included
_DIGEST = 16
_LEVEL = 1  # of zstd; higher levels save 1 % more and take three times as long


@dataclass(frozen=True)
class CacheConfig:
    """Folder and capacity of the cache of perturbed audio.

    Attributes:
        folder: Folder of the cache; it is created when needed.
        capacity: Size in bytes; what does not fit is computed each time.
    """

    folder: str
    capacity: int


class AudioCache:
    """Cache of perturbed tracks in a folder.

    Args:
        config: Folder and capacity.
    """

    def __init__(self, config: CacheConfig) -> None:
        self.folder, self.capacity = Path(config.folder), config.capacity
        self._full = False

    def perturb(
        self, audio: Audio, sample_rate: int, condition: Condition, *, seed: int, track_id: str
    ) -> Audio:
        """Return what `benchmark.perturbations.perturb` returns, from the cache where possible."""
        if not keeps(condition) or not audio.size:
            return perturb(audio, sample_rate, condition, seed=seed, track_id=track_id)
        path = self._path(audio, sample_rate, condition, seed, track_id)
        perturbed = _read(path)
        if perturbed is None:
            perturbed = perturb(audio, sample_rate, condition, seed=seed, track_id=track_id)
            self._keep(path, perturbed)
        return perturbed

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
            # Not synced: after a power failure the digest differs, and the audio is computed again.
            partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
            partial.write_bytes(content)
            partial.replace(path)
        except OSError:
            self._full = True  # no space or no permission: results do not depend on the cache

    def _reserve(self, size: int) -> bool:
        """Reserve space in the file that all processes share; return whether there is enough."""
        with exclusive_lock(self.folder / f"{_USED}.lock", lambda: None):
            total = self.folder / _USED
            used = _number(total)
            if used + size > self.capacity:
                return False
            total.write_text(str(used + size), encoding="ascii")
        return True


def announce(config: CacheConfig, wanted: int, console: Console) -> None:
    """Prepare the folder, and print how much space the run needs and how much there is.

    Args:
        config: Folder and capacity.
        wanted: Bytes that the run would store, see `size_of`.
        console: Console to print to.

    Raises:
        TagbenchError: The folder cannot be written.
    """
    used = opened(config)
    free = free_bytes(Path(config.folder))
    text = (
        f"Audio cache {config.folder}: this run stores up to {wanted / 2**30:.2f} GiB; "
        f"{used / 2**30:.2f} of {config.capacity / 2**30:.2f} GiB are used, "
        f"{free / 2**30:.1f} GiB free on the disk."
    )
    if used + wanted > config.capacity or wanted > free:
        text += " [yellow]What does not fit is computed each time.[/]"
    console.print(text, highlight=False)


def keeps(condition: Condition) -> bool:
    """Return whether the audio of a condition is cached."""
    return condition.family in FAMILIES


def opened(config: CacheConfig) -> int:
    """Prepare the folder for a run, and return the size of its files in bytes.

    Partial files of processes that no longer run are removed, and the recorded size is updated.

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
    """Return the size of the audio of conditions in bytes; compression saves about a fifth.

    Args:
        conditions: Conditions; those that are not cached have size 0.
        samples: Length of each track in samples.
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
    """Return whether the process that writes a file still runs; true if that is unknown."""
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
    """Return a digest, the number of samples, and the compressed samples, grouped by byte."""
    import pyarrow as pa

    planes = np.ascontiguousarray(audio.astype("<f4", copy=False).view(np.uint8).reshape(-1, 4).T)
    packed = pa.Codec("zstd", compression_level=_LEVEL).compress(planes.data, asbytes=True)
    body = audio.size.to_bytes(8, "little") + packed
    return _digest(body) + body


def _read(path: Path) -> Audio | None:
    """Return the samples in a file; None if it is missing, incomplete or damaged."""
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
