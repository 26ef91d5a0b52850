"""Tracks of prepared corpora, and audio files of the server."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmark.ui.config import UiConfig
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.corpus import Corpus

MOST_TRACKS = 200
"""Number of tracks that one answer lists."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def find_corpora(config: UiConfig) -> dict[str, Corpus]:
    """Return the complete corpora by the name of their folder."""
    corpora = {}
    for path in sorted(config.data_root.glob("*/corpus.json")):
        try:
            corpora[path.parent.name] = _opened(path.parent, path.stat().st_mtime_ns)
        except TagbenchError:  # of another version, or incomplete
            continue
    return corpora


@lru_cache(maxsize=32)
def _opened(root: Path, changed: int) -> Corpus:
    """Return a corpus, whose manifest is read once.

    Args:
        root: Its folder.
        changed: When it was written.
    """
    del changed
    return Corpus.open(root)


def open_corpus(config: UiConfig, name: str) -> Corpus:
    """Return a corpus by the name of its folder, or of its dataset where only one has this name.

    Raises:
        TagbenchError: There is no such corpus.
    """
    corpora = find_corpora(config)
    if name in corpora:
        return corpora[name]
    named = [corpus for corpus in corpora.values() if corpus.name == name]
    if len(named) != 1:
        raise unknown_name("corpus", name, corpora, str(config.data_root))
    return named[0]


def search(corpus: Corpus, query: str, split: str) -> dict[str, Any]:
    """Return the tracks whose id or tags contain every word of a query.

    Args:
        corpus: The corpus.
        query: Words; their order and case do not matter.
        split: Name of a split; empty for all.

    Returns:
        ``n``, the number of such tracks, and ``tracks``, the first of them.
    """
    frame = corpus.frame
    rows = frame if not split else frame[frame["split"] == split]
    for word in query.lower().split():
        text = rows["track_id"].str.lower() + " " + rows["tags"].str.join(" ").str.lower()
        rows = rows[text.str.contains(word, regex=False)]
    first = rows.head(MOST_TRACKS)
    tracks = [
        {
            "id": str(row["track_id"]), "split": str(row["split"]), "tags": list(row["tags"]),
            "seconds": round(int(row["samples"]) / corpus.sample_rate, 1),
        }
        for row in first.to_dict("records")
    ]  # fmt: skip
    return {"n": len(rows), "tracks": tracks}


def row_of(corpus: Corpus, track: str) -> int:
    """Return the row of a track.

    Raises:
        TagbenchError: The corpus has no such track.
    """
    rows = (corpus.track_ids == track).nonzero()[0]
    if not len(rows):
        raise TagbenchError(f"The corpus {corpus.name} has no track {track!r}.")
    return int(rows[0])


def audio_file(config: UiConfig, digest: str) -> Path | None:
    """Return the file of an audio digest; None where there is none.

    Only the digest of what the server has computed itself leads to a file.
    """
    if not _DIGEST.fullmatch(digest):
        return None
    path = config.scratch / "audio" / f"{digest}.wav"
    return path if path.is_file() else None
