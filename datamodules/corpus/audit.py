"""An audit of a prepared corpus: what is missing, short, silent, corrupt, double, or leaks."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from datamodules.base import TaggingDataModule
from datamodules.common.filesystem import replace_file
from datamodules.common.progress import Progress, Silent
from datamodules.corpus.corpus import SPLITS, Corpus
from datamodules.published_dataset import Published

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["count", "missing", "corrupt", "silent", "short", "duplicate", "leak"]
_SHORT = 0.5  # share of the median length below which a track is short
_SILENT = 1e-4  # peak, as a share of full scale, below which nothing can be heard (-80 dBFS)
_GROUPS = ("artist", "album", "song")


@dataclass(frozen=True)
class Finding:
    """Something that the owner of a corpus should know.

    Attributes:
        kind: What it is about.
        is_error: Whether results would be wrong or not those of this dataset.
        split: Which split; empty for several.
        track_ids: Which tracks; empty where it is about a number.
        text: In words.
    """

    kind: Kind
    is_error: bool
    split: str
    track_ids: tuple[str, ...]
    text: str


def audit(module: TaggingDataModule, progress: Progress | None = None) -> list[Finding]:
    """Look at everything in a prepared corpus; reads all of its audio once.

    The findings are written to ``audit.csv`` in the folder of the corpus, one row a track.

    Args:
        module: A dataset.
        progress: Is told how far it is.

    Raises:
        TagbenchError: If the dataset has not been prepared.
    """
    corpus = Corpus.open(module.corpus_root)
    rejected = _rejected(corpus)
    silent, corrupt = _heard(corpus, progress or Silent())
    findings = [
        *_counts(module, corpus),
        *_missing(rejected),
        *_of_tracks("corrupt", True, corpus, corrupt, "differ from what was decoded"),
        *_of_tracks("silent", False, corpus, silent, "are silent"),
        *_short(corpus),
        *_duplicates(corpus.frame),
        *_leaks(corpus.frame),
    ]
    replace_file(corpus.root / "audit.csv", _csv(findings))
    return findings


def _rejected(corpus: Corpus) -> list[dict[str, str]]:
    with (corpus.root / "rejected.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _counts(module: TaggingDataModule, corpus: Corpus) -> Iterator[Finding]:
    """Compare with what the publisher's split holds."""
    if not isinstance(module, Published):
        return
    have = Counter(corpus.frame["split"])
    for split, count in module.expected.counts.items():
        if have[split] != count:
            text = f"{have[split]:,} tracks, the published split has {count:,}"
            yield Finding("count", True, split, (), text)
    digest = module.expected.digest
    if digest and corpus.split_digest != digest:
        text = f"split digest {corpus.split_digest[:16]}, published {digest[:16]}"
        yield Finding("count", True, "", (), text)


def _missing(rejected: list[dict[str, str]]) -> Iterator[Finding]:
    """Group what could not be decoded by reason; faults that the publisher has are no error."""
    reasons: dict[str, list[str]] = {}
    for row in rejected:
        reasons.setdefault(row["reason"], []).append(row["track_id"])
    for reason, track_ids in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        known = reason.startswith("known fault")
        text = f"{len(track_ids):,} tracks without audio: {reason}"
        yield Finding("missing", not known, "", tuple(track_ids), text)


def _heard(corpus: Corpus, progress: Progress) -> tuple[list[int], list[int]]:
    """Return the rows that are silent, and those that are not what was written."""
    digests = corpus.frame["audio_sha256"]
    silent, corrupt = [], []
    progress.start(len(corpus), title="audit")
    try:
        for row in range(len(corpus)):
            stored, scale = corpus.raw(row, 0, int(corpus.samples[row]))
            if hashlib.sha256(stored.data).hexdigest() != digests.iloc[row]:
                corrupt.append(row)
            elif int(np.abs(stored.astype(np.int32)).max()) * float(scale) < _SILENT:
                silent.append(row)
            progress.advance()
    finally:
        progress.finish()
    return silent, corrupt


def _short(corpus: Corpus) -> Iterator[Finding]:
    median = float(np.median(corpus.samples))
    rows = np.flatnonzero(corpus.samples < _SHORT * median).tolist()
    seconds = median / corpus.sample_rate
    words = f"are shorter than half the median of {seconds:.1f} s"
    yield from _of_tracks("short", False, corpus, rows, words)


def _of_tracks(
    kind: Kind, is_error: bool, corpus: Corpus, rows: list[int], words: str
) -> Iterator[Finding]:
    """Make one finding a split of the tracks in ``rows``."""
    splits = corpus.frame["split"].to_numpy(dtype=str)
    for split in SPLITS:
        track_ids = tuple(str(corpus.track_ids[row]) for row in rows if splits[row] == split)
        if track_ids:
            text = f"{len(track_ids):,} tracks {words}"
            yield Finding(kind, is_error, split, track_ids, text)


def _duplicates(frame: pd.DataFrame) -> Iterator[Finding]:
    """Find recordings that stand under several names, within a split and across."""
    doubles = frame[frame["audio_sha256"].duplicated(keep=False)]
    groups = [group for _, group in doubles.groupby("audio_sha256", sort=True)]
    for across in (True, False):
        chosen = [g for g in groups if (g["split"].nunique() > 1) == across]
        if chosen:
            track_ids = tuple(str(i) for group in chosen for i in group["track_id"])
            where = "in more than one split" if across else "within a split"
            text = f"{len(chosen):,} recordings under several names {where}"
            yield Finding("duplicate", False, "", track_ids, text)


def _leaks(frame: pd.DataFrame) -> Iterator[Finding]:
    """Count artists, albums and songs that the test split shares with another."""
    tests = frame[frame["split"] == "test"]
    for column in _GROUPS:
        for other in ("train", "valid"):
            values = set(tests[column]) & set(frame.loc[frame["split"] == other, column]) - {""}
            if values:
                rows = tests[tests[column].isin(values)]
                known = tests.loc[tests[column] != "", column].nunique()
                text = (
                    f"{len(values):,} of {known:,} {column}s in test are in {other} too "
                    f"({len(rows):,} test tracks)"
                )
                track_ids = tuple(str(track_id) for track_id in rows["track_id"])
                yield Finding("leak", False, "test", track_ids, text)


def _csv(findings: list[Finding]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("kind", "severity", "split", "track_id", "finding"))
    for finding in findings:
        severity = "error" if finding.is_error else "warning"
        for track_id in finding.track_ids or ("",):
            writer.writerow((finding.kind, severity, finding.split, track_id, finding.text))
    return text.getvalue().encode()
