"""Random splits that are stratified by tag and disjoint by artist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from datamodules.corpus.track import SPLITS, Track

Matrix = npt.NDArray[np.float64]

_TRAIN, _VALID, _TEST = range(3)
# Order in which splits receive a tag that is too rare for all of them.
_PRIORITY = (_TRAIN, _TEST, _VALID)
_REPAIR_ROUNDS = 20


def draw_split(tracks: Sequence[Track], *, valid: float, test: float, seed: int) -> list[Track]:
    """Return the tracks with a random split, stratified by tag.

    The tracks of a group (`Track.group`: the artist, where it is known) are all in one split. Tags
    are stratified over groups by the iterative method of Sechidis et al., "On the stratification
    of multi-label data" (2011): the rarest tag first, each group to the split that lacks the tag
    most. Groups are then moved until each tag has a positive in every split, where this is
    possible. The result depends on the tracks and the seed, but not on the order of the tracks.

    Args:
        tracks: Tracks; any splits they have are ignored.
        valid: Share of the tracks for validation, between 0 and 1.
        test: Share of the tracks for the test, between 0 and 1.
        seed: Seed of the order of groups of equal size.

    Returns:
        The tracks in the same order, each with a split.

    Raises:
        TagbenchError: If a share is not between 0 and 1, the shares leave no training tracks, or
            there are fewer than three groups.
    """
    if not (0 < valid < 1 and 0 < test < 1 and valid + test < 1):
        raise TagbenchError(
            f"Cannot draw a split with valid={valid} and test={test}: both shares must be above 0, "
            "and their sum must be below 1."
        )
    groups = {track.group for track in tracks}
    if len(groups) < len(SPLITS):
        raise TagbenchError(
            f"{len(tracks)} tracks by {len(groups)} artists cannot be split into train, valid and "
            "test with each artist in one split: at least 3 artists (or tracks without an artist) "
            "are needed. Add tracks, or add a column `split` to the table."
        )
    return _draw(tracks, np.array([1 - valid - test, valid, test]), rng_for("split", seed))


def hold_out(tracks: Sequence[Track], *, valid: float, seed: int) -> list[Track]:
    """Return the tracks with the split ``train`` or ``valid``, drawn as in `draw_split`.

    This is for datasets whose publisher defines a training and a test set, but no validation set.

    Args:
        tracks: Tracks of the training set.
        valid: Share of the tracks for validation, between 0 and 1.
        seed: Seed of the order of groups of equal size.

    Returns:
        The tracks in the same order, each with a split.

    Raises:
        TagbenchError: If the share is not between 0 and 1 or there are fewer than two groups.
    """
    if not 0 < valid < 1 or len({track.group for track in tracks}) < 2:
        raise TagbenchError(
            f"Cannot draw a validation set of share {valid} from {len(tracks)} training tracks: "
            "the share must be between 0 and 1, and at least 2 artists are needed."
        )
    return _draw(tracks, np.array([1 - valid, valid]), rng_for("hold out", seed))


def _draw(tracks: Sequence[Track], shares: Matrix, rng: np.random.RandomState) -> list[Track]:
    """Draw a split with the given shares, of shape ``(S,)``, for the first S of ``SPLITS``."""
    groups = sorted({track.group for track in tracks})
    index = {group: row for row, group in enumerate(groups)}
    columns = {
        tag: column for column, tag in enumerate(sorted({t for x in tracks for t in x.tags}))
    }
    counts = np.zeros((len(groups), len(columns)))
    sizes = np.zeros(len(groups))
    for track in tracks:
        row = index[track.group]
        sizes[row] += 1
        for tag in track.tags:
            counts[row, columns[tag]] += 1
    assigned = _stratify(counts, sizes, shares, rng)
    _fill_empty(assigned, sizes, len(shares))
    _repair(assigned, counts > 0, sizes, shares)
    return [replace(track, split=SPLITS[assigned[index[track.group]]]) for track in tracks]


def _stratify(
    counts: Matrix, sizes: Matrix, shares: Matrix, rng: np.random.RandomState
) -> npt.NDArray[np.int64]:
    """Assign groups to splits, with ``counts`` of shape (groups, tags), ``shares`` of (splits,)."""
    assigned = np.full(len(sizes), -1, dtype=np.int64)
    wanted = shares[:, None] * counts.sum(axis=0)  # (splits, tags): positives still to assign
    room = shares * sizes.sum()  # (splits,): tracks still to assign
    has = counts > 0
    left = has.sum(axis=0)  # (tags,): groups with the tag that have no split yet
    # Large groups first, because small groups can balance them; equal sizes in random order.
    order = np.lexsort((rng.permutation(len(sizes)), -sizes))
    free = np.ones(len(sizes), dtype=bool)

    def assign(group: int, split: int) -> None:
        assigned[group] = split
        free[group] = False
        wanted[split] -= counts[group]
        room[split] -= sizes[group]
        left[has[group]] -= 1

    while (left > 0).any():
        tag = int(np.argmin(np.where(left > 0, left, np.iinfo(left.dtype).max)))
        for group in order[free[order] & has[order, tag]]:
            # Ties go to the split that lacks most tracks.
            split = max(range(len(shares)), key=lambda s: (wanted[s, tag], room[s]))
            assign(int(group), split)
    for group in order[free[order]]:
        assign(int(group), int(np.argmax(room)))
    return assigned


def _by_priority(splits: int) -> list[int]:
    return [split for split in _PRIORITY if split < splits]


def _fill_empty(assigned: npt.NDArray[np.int64], sizes: Matrix, splits: int) -> None:
    """Move the smallest group of the split with most groups to each split without a group."""
    for split in _by_priority(splits):
        if not (assigned == split).any():
            current = int(np.bincount(assigned, minlength=splits).argmax())
            candidates = np.flatnonzero(assigned == current)
            assigned[candidates[np.argmin(sizes[candidates])]] = split


def _repair(
    assigned: npt.NDArray[np.int64], has: npt.NDArray[np.bool_], sizes: Matrix, shares: Matrix
) -> None:
    """Move groups to splits that lack one of their tags, as `_movable_group` allows."""
    for _ in range(_REPAIR_ROUNDS):
        moved = False
        for split in _by_priority(len(shares)):
            for tag in np.flatnonzero(~has[assigned == split].any(axis=0)):
                group = _movable_group(int(tag), split, assigned, has, sizes, shares)
                if group is not None:
                    assigned[group] = split
                    moved = True
        if not moved:
            return


def _movable_group(
    tag: int,
    split: int,
    assigned: npt.NDArray[np.int64],
    has: npt.NDArray[np.bool_],
    sizes: Matrix,
    shares: Matrix,
) -> int | None:
    """Return the group with ``tag`` whose move to ``split`` changes the sizes least, or None.

    A group can be moved if its split keeps all tags, or if its split loses only ``tag`` and
    ``split`` has a higher priority.
    """
    splits = range(len(shares))
    positives = np.array([has[assigned == s].sum(axis=0) for s in splits])  # (splits, tags)
    group_counts = np.bincount(assigned, minlength=len(shares))
    total = np.array([sizes[assigned == s].sum() for s in splits])
    best: tuple[float, int] | None = None
    for group in np.flatnonzero(has[:, tag] & (assigned != split)):
        current = int(assigned[group])
        if group_counts[current] < 2:
            continue
        lost = has[group] & (positives[current] == 1)
        has_priority = _PRIORITY.index(split) < _PRIORITY.index(current)
        if has_priority:
            lost[tag] = False
        if lost.any():
            continue
        after = total.copy()
        after[current] -= sizes[group]
        after[split] += sizes[group]
        cost = float(np.abs(after / total.sum() - shares).sum())
        if best is None or (cost, int(group)) < best:
            best = (cost, int(group))
    return None if best is None else best[1]
