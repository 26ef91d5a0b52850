"""Reader of the artist lists of GTZAN by Foleiss and Tavares (2020)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from datamodules.common.errors import not_as_published


def read_artists(path: Path, genres: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """Yield genre, number and artist of each clip.

    Args:
        path: File with a line such as ``./blues_00012.wav<TAB>1`` for each clip.
        genres: The genres.

    Raises:
        TagbenchError: A line is not of this form.
    """
    for line, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = re.fullmatch(r"\./([a-z]+)_(\d{5})\.wav\t(\d+)", row)
        if not match or match[1] not in genres:
            what = "expected a clip and its artist, such as './blues_00012.wav<TAB>1'"
            raise not_as_published(path, line, f"{what}, found {row!r}")
        yield match[1], int(match[2]), match[3]
