"""Sources of audio that tests can watch, slow down and break."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.audio.errors import AudioError
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.prepare import prepare
from datamodules.corpus.track import Track
from tests.support.audio_files import Float32, noise

TAGS = ("even", "odd", "other")


@dataclass(frozen=True)
class WatchedSource:
    """Noise from a seed. Each read appends a line to ``log``, from whichever process."""

    index: int
    log: str = ""
    seconds: float = 0.5
    delay_s: float = 0.0
    version: int = 0
    behaviour: str = ""

    @property
    def label(self) -> str:
        return f"noise/{self.index:04d}"

    def sha256(self) -> str:
        return f"{self.index:060x}{self.version:04x}"

    def read(self, sample_rate: int) -> Float32:
        if self.behaviour == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.behaviour == "corrupt":
            raise AudioError("corrupt: on purpose", self.label)
        if self.behaviour == "bug":
            raise ZeroDivisionError("on purpose")
        time.sleep(self.delay_s)
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{self.label}\n")
        return noise(self.seconds + self.index / 100, sample_rate, 100 * self.index + self.version)


def watched(count: int, log: Path | None = None, **options: object) -> list[Track]:
    """Return tracks over `WatchedSource`, with splits, tags, artists and an extra column."""
    return [
        Track(
            track_id=f"t{index:04d}",
            split=("train", "train", "valid", "test")[index % 4],
            tags=("even",) if index % 2 == 0 else ("odd", "other"),
            source=WatchedSource(index, str(log or ""), **options),  # type: ignore[arg-type]
            artist=f"artist {index}" if index % 3 else "",
            song=f"song {index // 2}",
            extra={"loudness": -10.0 - index},
        )
        for index in range(count)
    ]


def run(tracks: Sequence[Track], root: Path, **options: Any) -> Corpus:
    """Prepare tracks in this process, unless told otherwise."""
    settings: dict[str, Any] = {
        "name": "noise", "tags": TAGS, "task": "multilabel", "sample_rate": 16000, "workers": 0,
    }  # fmt: skip
    return prepare(tracks, root, **{**settings, **options})


def corpus_digests(corpus: Corpus) -> tuple[str, str, str]:
    """Return the digests of manifest, splits and tags."""
    return corpus.manifest_digest, corpus.split_digest, corpus.tags_digest


def reads(log: Path) -> Counter[str]:
    """Return how often each source was read."""
    return Counter(log.read_text().split()) if log.exists() else Counter()
