"""Speed of preparing audio, and of reading windows from what was prepared.

Beside ours run a plain loop of ``librosa.load`` and ``np.save``, as most projects have it, and
bare decoding, which nothing that decodes can beat. They run in turn and are compared turn by turn,
so that other work on the machine slows all of them.
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
from datamodules.loaders.training_crops import TrainingCrops

RATE = 16000
WINDOW = 59049
BATCH = 16
_BATCHES = 200


@dataclass(frozen=True)
class Row:
    """One subject.

    Attributes:
        what: Which.
        workers: Processes.
        per_second: Seconds of audio a second, or windows a second.
        ratio: Median over the turns of the yardstick's time by this one's.
        mib: What it wrote, in MiB.
    """

    what: str
    workers: int
    per_second: float
    ratio: float
    mib: float


def librosa_loop(files: Sequence[Path], out: Path, workers: int) -> float:
    """Decode, mix down, resample and store one file after the other; ``workers`` is 1."""
    import librosa

    start = time.perf_counter()
    for number, file in enumerate(files):
        audio, _ = librosa.load(file, sr=RATE)
        np.save(out / f"{number:05d}.npy", audio)
    return time.perf_counter() - start


def ours(files: Sequence[Path], out: Path, workers: int) -> float:
    """Prepare a corpus; starting the processes counts."""
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
    """Decode at the rate of the files, and drop what comes out; starting up does not count."""
    with mp.get_context("spawn").Pool(workers) as pool:
        pool.map(decode, [files[0]] * workers, chunksize=1)
        start = time.perf_counter()
        pool.map(decode, files, chunksize=max(1, len(files) // (8 * workers)))
        return time.perf_counter() - start


Subject = tuple[str, Callable[[Sequence[Path], Path, int], float], int]


def measure(folder: Path | None, files: int, repeats: int, workers: int) -> list[Row]:
    """Time every subject in turn.

    Args:
        folder: Of audio files; without one, music is rendered to MP3.
        files: How many are prepared; the ones there are taken again and again.
        repeats: Turns.
        workers: Processes; 0 takes one a core.

    Returns:
        Rows, the yardstick first.
    """
    most = workers or usable_cpus()
    subjects: list[Subject] = [("librosa loop", librosa_loop, 1), ("tagbench", ours, 1)]
    subjects += [("tagbench", ours, most)] if most > 1 else []
    subjects += [("bare decoding", bare, most)]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        sources = music(folder, root / "music")
        paths = _linked(sources, root / "files", files)
        librosa_loop(paths[:1], root, 1)  # imports and caches are nobody's fault
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
        Row(
            what,
            count,
            seconds / median(turn[at] for turn in times),
            median(turn[0] / turn[at] for turn in times),
            sizes[at],
        )
        for at, (what, _, count) in enumerate(subjects)
    ]


def measure_windows(folder: Path | None, files: int, repeats: int) -> list[Row]:
    """Time batches of random windows from a corpus and from memory-mapped float32 arrays.

    Args:
        folder: See `measure`.
        files: See `measure`.
        repeats: Turns.
    """
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        paths = _linked(music(folder, root / "music"), root / "files", files)
        (root / "npy").mkdir()
        librosa_loop(paths, root / "npy", 1)
        ours(paths, root / "corpus", usable_cpus())
        corpus = Corpus.open(root / "corpus")
        clips = TrainingCrops(corpus, WindowSpec(WINDOW, RATE), seed=0)
        arrays = sorted((root / "npy").glob("*.npy"))
        order = [
            rng_for("speed", batch).randint(0, len(clips), BATCH).tolist()
            for batch in range(_BATCHES)
        ]

        def from_corpus() -> None:
            for batch, rows in enumerate(order):
                clips.__getitems__([(batch, row) for row in rows])

        def from_arrays() -> None:
            for batch, rows in enumerate(order):
                starts = rng_for("speed starts", batch)
                audio = []
                for row in rows:
                    stored = np.load(arrays[row], mmap_mode="r")
                    start = starts.randint(0, max(1, len(stored) - WINDOW))
                    audio.append(np.array(stored[start : start + WINDOW], dtype=np.float32))
                np.stack(audio)

        subjects = (("float32 .npy", from_arrays), ("tagbench", from_corpus))
        times = []
        for _ in range(repeats):
            turn = []
            for _, run in subjects:
                start = time.perf_counter()
                run()
                turn.append(time.perf_counter() - start)
            times.append(turn)
        sizes = (sum(f.stat().st_size for f in arrays), int(corpus.info["bytes"]))
    return [
        Row(
            f"windows from {what}",
            1,
            BATCH * _BATCHES / median(turn[at] for turn in times),
            median(turn[0] / turn[at] for turn in times),
            sizes[at] / 2**20,
        )
        for at, (what, _) in enumerate(subjects)
    ]


def _linked(sources: Sequence[Path], folder: Path, files: int) -> list[Path]:
    """Name the same files again and again, so that there is work for a while."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(files):
        source = sources[number % len(sources)]
        path = folder / f"{number:05d}{source.suffix}"
        if not path.exists():
            path.symlink_to(source.resolve())
        paths.append(path)
    return paths
