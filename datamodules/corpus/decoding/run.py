"""Decode the tracks that no finished shard contains, in jobs of one shard each."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import PARTIAL, exclusive_lock
from datamodules.common.formatting import human_bytes
from datamodules.common.progress import Progress
from datamodules.corpus.decoding.workers import (
    Event,
    JobFailed,
    JobFinished,
    Pool,
    TrackFinished,
    WorkerExited,
)
from datamodules.corpus.disk_estimate import check_disk, estimate_disk
from datamodules.corpus.manifest_writer import Stored
from datamodules.corpus.shards import (
    MAX_BYTES,
    MAX_TRACKS,
    Fact,
    Item,
    Job,
    Report,
    read_sidecars,
    shard_path,
    write_sidecar,
)
from datamodules.corpus.track import Track, is_fixed

_JOBS_PER_WORKER = 4  # Small jobs keep all workers busy until the end of the run.


@dataclass
class Decoding:
    """State of one preparation: the finished shards and the result of decoding each track.

    Attributes:
        shards: Folder of the shards.
        sample_rate: Sample rate of the stored audio in Hz.
        workers: Number of decoding processes; 0 decodes in this process.
        facts: Valid results, by track id.
        doubtful: Results that are valid if the source still has the recorded digest, by track id.
        next_number: Number of the next shard.
        suspects: Ids of the tracks during which a worker has exited once.
    """

    shards: Path
    sample_rate: int
    workers: int
    facts: dict[str, Stored] = field(default_factory=dict)
    doubtful: dict[str, Stored] = field(default_factory=dict)
    next_number: int = 0
    suspects: set[str] = field(default_factory=set)

    def collect(self, tracks: Sequence[Track], donors: Sequence[Path]) -> None:
        """Read the results on disk, and remove partial files.

        Args:
            tracks: Tracks to prepare.
            donors: Folders of other corpora, whose shards are linked where they contain tracks
                that this corpus lacks.
        """
        wanted = {track.track_id: track for track in tracks}
        # A worker of a run that was killed continues to the end of its current track.
        with exclusive_lock(self._workers_lock, lambda: None):
            self._remove_partial_files()
        numbers = [int(path.stem) for path in self.shards.iterdir() if path.stem.isdigit()]
        self.next_number = max(numbers, default=-1) + 1
        for sidecar in read_sidecars(self.shards, self.sample_rate):
            self._consider(sidecar.number, sidecar.facts, wanted, certain=not sidecar.adopted)
        for donor in donors:
            if donor != self.shards.parent:
                self._adopt(donor / "shards", wanted)

    def _consider(
        self, number: int, facts: Sequence[Fact], wanted: Mapping[str, Track], *, certain: bool
    ) -> None:
        for fact in facts:
            track = wanted.get(fact.track_id)
            if track is None or fact.source != track.source.label or fact.transient:
                continue
            if (certain or is_fixed(track.stamp)) and fact.stamp == track.stamp:
                self.facts[fact.track_id] = Stored(number, fact)
            elif not fact.reason:
                self.doubtful[fact.track_id] = Stored(number, fact)

    def _adopt(self, donor: Path, wanted: Mapping[str, Track]) -> None:
        """Link shards of another corpus that contain tracks which this corpus lacks."""
        for sidecar in read_sidecars(donor, self.sample_rate):
            useful = any(
                not fact.reason
                and fact.track_id in wanted
                and fact.track_id not in self.facts
                and fact.track_id not in self.doubtful
                and fact.source == wanted[fact.track_id].source.label
                for fact in sidecar.facts
            )
            if not useful:
                continue
            number = self.next_number
            try:
                os.link(shard_path(donor, sidecar.number), shard_path(self.shards, number))
            except OSError:
                return  # Hard links are not possible between these folders; the tracks are decoded.
            self.next_number += 1
            write_sidecar(self.shards, number, sidecar.facts, self.sample_rate, adopted=True)
            self._consider(number, sidecar.facts, wanted, certain=False)

    def missing(self, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks without a valid result."""
        return [track for track in tracks if track.track_id not in self.facts]

    def decode(self, tracks: Sequence[Track], progress: Progress, name: str) -> None:
        """Decode the tracks without a valid result.

        Args:
            tracks: Tracks to prepare.
            progress: Receives the progress, one step for each track.
            name: Name of the dataset, for messages.

        Raises:
            TagbenchError: If the disk is too small or a decoding process fails.
            OSError: If a shard cannot be written.
        """
        missing = self.missing(tracks)
        if not missing:
            return
        new = [track for track in missing if track.track_id not in self.doubtful]
        estimate = estimate_disk(new, self.sample_rate)
        free = check_disk(estimate, self.shards)
        done = len(tracks) - len(missing)
        kept = f" {done} of {len(tracks)} tracks are done already." if done else ""
        progress.announce(
            f"{name}: {estimate} at {self.sample_rate} Hz, to be written to {self.shards.parent} "
            f"({human_bytes(free)} free).{kept}"
        )
        jobs = self._plan(missing)
        progress.start(len(missing))
        try:
            if self.workers > 0:
                with Pool[Job, Report](min(self.workers, len(jobs)), self._workers_lock) as pool:
                    for event in pool.run(jobs):
                        self._handle(event, jobs, progress)
            while jobs:
                job = jobs.popleft()
                report = job.run(progress.advance)
                self._handle(JobFinished(job, report), jobs, progress)
        finally:
            progress.finish()
            self._remove_partial_files()

    @property
    def _workers_lock(self) -> Path:
        return self.shards.parent / ".workers.lock"

    def _remove_partial_files(self) -> None:
        """Remove partial files of workers that were stopped."""
        for partial in self.shards.glob(f"*{PARTIAL}"):
            partial.unlink(missing_ok=True)

    def _plan(self, tracks: Sequence[Track]) -> deque[Job]:
        items = [
            Item(
                track.track_id,
                track.stamp,
                track.source,
                self.doubtful[track.track_id].fact.source_sha256
                if track.track_id in self.doubtful
                else "",
            )
            for track in tracks
        ]
        size = -(-len(items) // (_JOBS_PER_WORKER * max(self.workers, 1)))
        size = min(size, MAX_TRACKS)
        return deque(self._job(items[start : start + size]) for start in range(0, len(items), size))

    def _job(self, items: Sequence[Item]) -> Job:
        job = Job(self.shards, self.next_number, self.sample_rate, tuple(items), MAX_BYTES)
        self.next_number += 1
        return job

    def _handle(self, event: Event[Job, Report], jobs: deque[Job], progress: Progress) -> None:
        if isinstance(event, TrackFinished):
            progress.advance()
        elif isinstance(event, JobFinished):
            for fact in event.report.facts:
                self.facts[fact.track_id] = Stored(event.job.number, fact)
            for track_id in event.report.unchanged:
                self.facts[track_id] = self.doubtful[track_id]
            if rest := event.job.items[event.report.taken :]:
                jobs.appendleft(self._job(rest))
        elif isinstance(event, JobFailed):
            if event.number:
                raise OSError(event.number, event.text)
            raise TagbenchError(f"A decoding process failed.\n{event.text}")
        else:
            self._recover(event, jobs, progress)

    def _recover(self, exited: WorkerExited[Job], jobs: deque[Job], progress: Progress) -> None:
        """Plan the job of an exited worker again, with the track it was decoding in its own job."""
        items = exited.job.items
        progress.advance(-exited.finished)
        position = min(exited.finished, len(items) - 1)
        suspect = items[position]
        if suspect.track_id in self.suspects and len(items) == 1:
            status = exited.status
            cause = f"signal {-status}" if status < 0 else f"exit status {status}"
            fact = Fact(
                suspect.track_id, suspect.source.label, suspect.stamp,
                f"the decoding process exited twice while decoding it ({cause})", transient=True,
            )  # fmt: skip
            self.facts[suspect.track_id] = Stored(exited.job.number, fact)
            progress.advance()
            return
        self.suspects.add(suspect.track_id)
        if others := items[:position] + items[position + 1 :]:
            jobs.append(self._job(others))
        jobs.append(self._job([suspect]))
