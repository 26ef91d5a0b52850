"""Speed of preparing a corpus, and of reading windows from it.

Preparation is compared with a loop of ``librosa.load`` and ``np.save``, and with decoding alone,
which is a lower bound. The subjects run in turn and are compared turn by turn, so that other load
on the machine slows down all of them.
"""

from __future__ import annotations

import multiprocessing as mp
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmark.speed.decode import decode
from benchmark.speed.music import music
from datamodules.audio.sources import FileSource
from datamodules.common.cpus import usable_cpus
from datamodules.common.seeding import rng_for
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.prepare import prepare
from datamodules.corpus.track import Track
from datamodules.loaders.batch import WindowSpec
from datamodules.loaders.batch_plan import Draw
from datamodules.loaders.training_crops import TrainingCrops

RATE = 16000
WINDOW = 59049
BATCH = 16
_BATCHES = 200


@dataclass(frozen=True)
class PrepareRow:
    """One row of the table.

    Attributes:
        what: Name of the subject.
        workers: Number of processes.
        per_second: Seconds of audio, or windows, processed per second.
        ratio: Median over the turns of the reference's time divided by the subject's.
        mib: Size of the files that the subject wrote or reads, in MiB.
    """

    what: str
    workers: int
    per_second: float
    ratio: float
    mib: float


def librosa_loop(files: Sequence[Path], out: Path, workers: int) -> float:
    """Decode, mix down, resample and store the files one by one; return the seconds.

    Args:
        files: Audio files.
        out: Folder of the arrays.
        workers: Must be 1.
    """
    import librosa

    start = time.perf_counter()
    for number, file in enumerate(files):
        audio, _ = librosa.load(file, sr=RATE)
        np.save(out / f"{number:05d}.npy", audio)
    return time.perf_counter() - start


def ours(files: Sequence[Path], out: Path, workers: int) -> float:
    """Prepare a corpus; return the seconds, with those of starting the processes."""
    start = time.perf_counter()
    tracks = [
        Track(f"{number:05d}", "train", ("x",), FileSource(file, file.name))
        for number, file in enumerate(files)
    ]
    prepare(
        tracks, out, name="speed", tags=("x",), task="multilabel", sample_rate=RATE,
        workers=workers,
    )  # fmt: skip
    return time.perf_counter() - start


def bare(files: Sequence[Path], out: Path, workers: int) -> float:
    """Decode the files at their own rate; return the seconds without those of starting up."""
    with mp.get_context("spawn").Pool(workers) as pool:
        pool.map(decode, [files[0]] * workers, chunksize=1)
        start = time.perf_counter()
        pool.map(decode, files, chunksize=max(1, len(files) // (8 * workers)))
        return time.perf_counter() - start


Subject = tuple[str, Callable[[Sequence[Path], Path, int], float], int]


def measure(folder: Path | None, files: int, repeats: int, workers: int) -> list[PrepareRow]:
    """Time the subjects in turn.

    Args:
        folder: Folder of audio files; None renders clips to MP3.
        files: Number of files to prepare; the files of the folder are repeated.
        repeats: Turns.
        workers: Number of processes; 0 uses one per core.

    Returns:
        The rows; the librosa loop is the reference and comes first.
    """
    processes = workers or usable_cpus()
    subjects: list[Subject] = [("librosa loop", librosa_loop, 1), ("tagbench", ours, 1)]
    subjects += [("tagbench", ours, processes)] if processes > 1 else []
    subjects += [("bare decoding", bare, processes)]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        sources = music(folder, root / "music")
        paths = _linked(sources, root / "files", files)
        librosa_loop(paths[:1], root, 1)  # imports and fills caches, which is not measured
        times: list[list[float]] = []
        sizes = [0.0] * len(subjects)
        for _ in range(repeats):
            turn = []
            for at, (_, run, count) in enumerate(subjects):
                out = root / "out"
                out.mkdir()
                turn.append(run(paths, out, count))
                sizes[at] = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 2**20
                if run is ours:
                    seconds = float(Corpus.open(out).info["seconds"])
                shutil.rmtree(out)
            times.append(turn)
    return [
        PrepareRow(
            what,
            count,
            seconds / median(turn[at] for turn in times),
            median(turn[0] / turn[at] for turn in times),
            sizes[at],
        )
        for at, (what, _, count) in enumerate(subjects)
    ]


def measure_windows(folder: Path | None, files: int, repeats: int) -> list[PrepareRow]:
    """Time batches of random windows from a corpus and from memory-mapped float32 arrays.

    Args:
        folder: Folder of audio files, see `measure`.
        files: Number of files, see `measure`.
        repeats: Turns.

    Returns:
        The rows; the arrays are the reference and come first.
    """
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        paths = _linked(music(folder, root / "music"), root / "files", files)
        (root / "npy").mkdir()
        librosa_loop(paths, root / "npy", 1)
        ours(paths, root / "corpus", usable_cpus())
        corpus = Corpus.open(root / "corpus")
        crops = TrainingCrops(corpus, WindowSpec(WINDOW, RATE), seed=0)
        arrays = sorted((root / "npy").glob("*.npy"))
        order = [
            rng_for("speed", batch).randint(0, len(crops), BATCH).tolist()
            for batch in range(_BATCHES)
        ]
        times = [
            (_timed(_read_arrays, arrays, order), _timed(_read_crops, crops, order))
            for _ in range(repeats)
        ]
        sizes = (sum(f.stat().st_size for f in arrays), int(corpus.info["bytes"]))
    return [
        PrepareRow(
            f"windows from {what}",
            1,
            BATCH * _BATCHES / median(turn[index] for turn in times),
            median(turn[0] / turn[index] for turn in times),
            sizes[index] / 2**20,
        )
        for index, what in enumerate(("float32 .npy", "tagbench"))
    ]


def _read_crops(crops: TrainingCrops, order: Sequence[Sequence[int]]) -> None:
    for batch, rows in enumerate(order):
        crops.__getitems__([Draw(batch, row) for row in rows])


def _read_arrays(arrays: Sequence[Path], order: Sequence[Sequence[int]]) -> None:
    for batch, rows in enumerate(order):
        starts = rng_for("speed starts", batch)
        audio = []
        for row in rows:
            stored = np.load(arrays[row], mmap_mode="r")
            start = starts.randint(0, max(1, len(stored) - WINDOW))
            audio.append(np.array(stored[start : start + WINDOW], dtype=np.float32))
        np.stack(audio)


def _timed(read: Callable[..., None], source: object, order: Sequence[Sequence[int]]) -> float:
    start = time.perf_counter()
    read(source, order)
    return time.perf_counter() - start


def _linked(sources: Sequence[Path], folder: Path, files: int) -> list[Path]:
    """Link to the same files repeatedly, to have the requested number of files."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(files):
        source = sources[number % len(sources)]
        path = folder / f"{number:05d}{source.suffix}"
        if not path.exists():
            path.symlink_to(source.resolve())
        paths.append(path)
    return paths
