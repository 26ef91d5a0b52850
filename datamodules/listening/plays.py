"""Tables of play counts: how often each user has played each track."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("user", "track_id", "plays")
EXPECTED = "Expected the columns user, track_id and plays, with one row for each user and track."


@dataclass(frozen=True)
class PlayTable:
    """Play counts of N pairs of a user and a track.

    Attributes:
        users: Names of the users (U,).
        tracks: Ids of the tracks (T,).
        user: Row of the user of each pair, int64 (N,).
        track: Row of the track of each pair, int64 (N,).
        plays: Number of plays of each pair, float64 (N,), above 0.
    """

    users: tuple[str, ...]
    tracks: tuple[str, ...]
    user: npt.NDArray[np.int64]
    track: npt.NDArray[np.int64]
    plays: npt.NDArray[np.float64]


def read_plays(path: Path) -> PlayTable:
    """Read a table of play counts, CSV or Parquet.

    Rows of the same user and track are added up. A pair without plays counts as if it were not in
    the table; a track whose pairs all have no plays is still one of the tracks.

    Args:
        path: File with the columns ``user``, ``track_id`` and ``plays``; a name that does not end
            with ``.parquet`` is read as CSV.

    Raises:
        TagbenchError: The file cannot be read, a column is missing, or a count is not a finite
            number of 0 or more.
    """
    import pandas as pd

    try:
        # Names are read as text: the ids 007 and 7 are different tracks.
        names: Any = {"user": str, "track_id": str}
        frame = (
            pd.read_parquet(path, columns=list(COLUMNS))
            if path.suffix == ".parquet"
            else pd.read_csv(path, usecols=list(COLUMNS), dtype=names, keep_default_na=False)
        )
    except (OSError, ValueError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TagbenchError(
            f"The play counts in {path} cannot be read: {reason}. {EXPECTED}"
        ) from error
    return _table(path, frame)


def _table(path: Path, frame: pd.DataFrame) -> PlayTable:
    import pandas as pd

    plays = pd.to_numeric(frame["plays"], errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(~(np.isfinite(plays) & (plays >= 0)))
    if len(bad):
        row = frame.iloc[int(bad[0])]
        raise TagbenchError(
            f"{path} has {len(bad)} of {len(frame)} counts that are not numbers of 0 or more, the "
            f"first for user {row['user']} and track {row['track_id']}: {row['plays']!r}. "
            f"{EXPECTED}"
        )
    users, user = np.unique(frame["user"].astype(str).to_numpy(np.str_), return_inverse=True)
    tracks, track = np.unique(frame["track_id"].astype(str).to_numpy(np.str_), return_inverse=True)
    if not plays.any():
        raise TagbenchError(f"{path} has no plays in {len(frame)} rows. {EXPECTED}")
    pairs, place = np.unique(user * len(tracks) + track, return_inverse=True)
    totals = np.bincount(place, weights=plays).astype(np.float64)
    pairs, totals = pairs[totals > 0], totals[totals > 0]
    of_user, of_track = np.divmod(pairs, len(tracks))
    return PlayTable(tuple(users.tolist()), tuple(tracks.tolist()), of_user, of_track, totals)
