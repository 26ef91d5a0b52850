"""Reader of the artist lists of GTZAN by Foleiss and Tavares (2020)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from datamodules.common.errors import TagbenchError


def read_artists(path: Path, genres: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """Yield genre, number and artist of each line, such as ``./blues_00012.wav<TAB>1``."""
    for line, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = re.fullmatch(r"\./([a-z]+)_(\d{5})\.wav\t(\d+)", row)
        if not match or match[1] not in genres:
            raise TagbenchError(
                f"{path}, line {line}: expected a clip and its artist, such as "
                f"'./blues_00012.wav<TAB>1', found {row!r}. Delete the file and run again."
            )
        yield match[1], int(match[2]), match[3]
