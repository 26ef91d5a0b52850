"""Audit of a prepared corpus: missing, corrupt, silent, short and duplicate tracks, and leakage."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from datamodules.common.filesystem import replace_file
from datamodules.common.progress import Progress, Silent
from datamodules.corpus.completeness import Expected
from datamodules.corpus.corpus import Corpus
from datamodules.corpus.leakage import GROUPS, membership
from datamodules.corpus.track import SPLITS

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["count", "missing", "corrupt", "silent", "short", "duplicate", "leak"]
_SHORT = 0.5  # share of the median duration below which a track is short
_SILENT = 1e-4  # peak, as a share of full scale, below which a track is silent (-80 dBFS)


@dataclass(frozen=True)
class Finding:
    """One result of an audit.

    Attributes:
        kind: Name of the check.
        is_error: Whether results on the corpus would be wrong or not comparable with other
            results on this dataset.
        split: The split concerned; empty if several.
        track_ids: The tracks concerned; empty if the finding is about a number.
        text: Description of the result.
    """

    kind: Kind
    is_error: bool
    split: str
    track_ids: tuple[str, ...]
    text: str


def audit(
    corpus: Corpus, expected: Expected | None = None, progress: Progress | None = None
) -> list[Finding]:
    """Check everything in a prepared corpus; reads all of its audio once.

    The findings are written to ``audit.csv`` in the folder of the corpus, one row for each track.

    Args:
        corpus: A prepared corpus.
        expected: Size and digest of the published split, if the dataset has one.
        progress: Receives the progress.
    """
    silent, corrupt = _check_audio(corpus, progress or Silent())
    findings = [
        *_counts(corpus, expected),
        *_missing(_rejected(corpus)),
        *_by_split("corrupt", True, corpus, corrupt, "differ from what was decoded"),
        *_by_split("silent", False, corpus, silent, "are silent"),
        *_short(corpus),
        *_duplicates(corpus.frame),
        *_leaks(corpus.frame),
    ]
    replace_file(corpus.root / "audit.csv", _csv(findings))
    return findings


def _rejected(corpus: Corpus) -> list[dict[str, str]]:
    with (corpus.root / "rejected.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _counts(corpus: Corpus, expected: Expected | None) -> Iterator[Finding]:
    """Compare the corpus with the published split."""
    if expected is None:
        return
    counts = Counter(corpus.frame["split"])
    for split, count in expected.counts.items():
        if counts[split] != count:
            text = f"{counts[split]:,} tracks, the published split has {count:,}"
            yield Finding("count", True, split, (), text)
    if expected.digest and corpus.split_digest != expected.digest:
        text = f"split digest {corpus.split_digest[:16]}, published {expected.digest[:16]}"
        yield Finding("count", True, "", (), text)


def _missing(rejected: list[dict[str, str]]) -> Iterator[Finding]:
    """Group the rejected tracks by reason; a fault of the publisher's own file is no error."""
    reasons: dict[str, list[str]] = {}
    for row in rejected:
        reasons.setdefault(row["reason"], []).append(row["track_id"])
    for reason, track_ids in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        is_known = reason.startswith("known fault")
        text = f"{len(track_ids):,} tracks without audio: {reason}"
        yield Finding("missing", not is_known, "", tuple(track_ids), text)


def _check_audio(corpus: Corpus, progress: Progress) -> tuple[list[int], list[int]]:
    """Return the rows that are silent, and those whose samples differ from what was written."""
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
    yield from _by_split("short", False, corpus, rows, words)


def _by_split(
    kind: Kind, is_error: bool, corpus: Corpus, rows: list[int], words: str
) -> Iterator[Finding]:
    """Yield one finding for each split of the tracks in ``rows``."""
    splits = corpus.frame["split"].to_numpy(dtype=str)
    for split in SPLITS:
        track_ids = tuple(str(corpus.track_ids[row]) for row in rows if splits[row] == split)
        if track_ids:
            text = f"{len(track_ids):,} tracks {words}"
            yield Finding(kind, is_error, split, track_ids, text)


def _duplicates(frame: pd.DataFrame) -> Iterator[Finding]:
    """Find recordings that several tracks share, across splits and within one."""
    repeated = frame[frame["audio_sha256"].duplicated(keep=False)]
    groups = [group for _, group in repeated.groupby("audio_sha256", sort=True)]
    for across in (True, False):
        chosen = [g for g in groups if (g["split"].nunique() > 1) == across]
        if chosen:
            track_ids = tuple(str(i) for group in chosen for i in group["track_id"])
            where = "in more than one split" if across else "within a split"
            text = f"{len(chosen):,} recordings under several names {where}"
            yield Finding("duplicate", False, "", track_ids, text)


def _leaks(frame: pd.DataFrame) -> Iterator[Finding]:
    """Count the artists, albums and songs that the test split shares with another split."""
    tests = frame[frame["split"] == "test"]
    for column in GROUPS:
        table = membership(frame, column)
        for other in ("train", "valid"):
            shared = table.index[table["test"] & table[other]]
            rows = tests[tests[column].isin(shared)]
            if len(rows):
                text = (
                    f"{len(shared):,} of {table['test'].sum():,} {column}s in test are in {other} "
                    f"too ({len(rows):,} test tracks)"
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
