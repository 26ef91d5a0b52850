"""Splits: drawn from a seed, with whole artists on one side, and proved disjoint."""

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
# Who gets a tag that cannot be everywhere: it must be learnt, then tested, then validated.
_PRIORITY = (_TRAIN, _TEST, _VALID)
_REPAIR_ROUNDS = 20


def draw_split(tracks: Sequence[Track], *, valid: float, test: float, seed: int) -> list[Track]:
    """Return the tracks with a split each. Depends on their content and the seed, not their order.

    Groups (`Track.group`: an artist where known) are never torn apart. Tags are stratified by
    Sechidis et al., "On the stratification of multi-label data" (2011), on groups: the rarest tag
    first, each group to the split that lacks it most. Then groups are moved until each tag has a
    positive in every split, where that is possible.

    Args:
        tracks: With or without splits; those are ignored.
        valid: Share of the tracks for validation, between 0 and 1.
        test: Share of the tracks for the test.
        seed: Breaks ties.

    Raises:
        TagbenchError: If the shares make no sense or there are fewer than three groups.
    """
    if not (0 < valid < 1 and 0 < test < 1 and valid + test < 1):
        raise TagbenchError(
            f"A split with valid={valid} and test={test} leaves nothing to train on: "
            "both must be above 0 and together below 1."
        )
    groups = {track.group for track in tracks}
    if len(groups) < len(SPLITS):
        raise TagbenchError(
            f"{len(tracks)} tracks by {len(groups)} artists cannot be split into train, valid and "
            "test without an artist on two sides: at least 3 artists (or tracks without an artist) "
            "are needed. Add tracks, or give a split column."
        )
    return _draw(tracks, np.array([1 - valid - test, valid, test]), rng_for("split", seed))


def hold_out(tracks: Sequence[Track], *, valid: float, seed: int) -> list[Track]:
    """Return the tracks with the split ``train`` or ``valid``, as `draw_split` draws one.

    For publishers who name a training and a test set, and leave validation to the reader.

    Args:
        tracks: Those of the training set.
        valid: Share of the tracks for validation, between 0 and 1.
        seed: Breaks ties.

    Raises:
        TagbenchError: If the share makes no sense or there are fewer than two groups.
    """
    if not 0 < valid < 1 or len({track.group for track in tracks}) < 2:
        raise TagbenchError(
            f"{len(tracks)} training tracks cannot give up a share of {valid} for validation: it "
            "must be between 0 and 1, and there must be at least 2 artists."
        )
    return _draw(tracks, np.array([1 - valid, valid]), rng_for("hold out", seed))


def _draw(tracks: Sequence[Track], shares: Matrix, rng: np.random.RandomState) -> list[Track]:
    """Split by ``shares``, of shape (splits,), in the order of ``SPLITS``."""
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
    sides = _stratify(counts, sizes, shares, rng)
    _fill_empty(sides, sizes, len(shares))
    _repair(sides, counts > 0, sizes, shares)
    return [replace(track, split=SPLITS[sides[index[track.group]]]) for track in tracks]


def _stratify(
    counts: Matrix, sizes: Matrix, shares: Matrix, rng: np.random.RandomState
) -> npt.NDArray[np.int64]:
    """Assign groups to splits; ``counts`` is (groups, tags), ``shares`` (splits,)."""
    sides = np.full(len(sizes), -1, dtype=np.int64)
    wanted = shares[:, None] * counts.sum(axis=0)  # (splits, tags), what is still lacking
    room = shares * sizes.sum()
    has = counts > 0
    left = has.sum(axis=0)  # groups of each tag that have no side yet
    # Large groups first, since small ones can still even out; equals in random order.
    order = np.lexsort((rng.permutation(len(sizes)), -sizes))
    free = np.ones(len(sizes), dtype=bool)

    def assign(group: int, side: int) -> None:
        sides[group] = side
        free[group] = False
        wanted[side] -= counts[group]
        room[side] -= sizes[group]
        left[has[group]] -= 1

    while (left > 0).any():
        tag = int(np.argmin(np.where(left > 0, left, np.iinfo(left.dtype).max)))
        for group in order[free[order] & has[order, tag]]:
            # Ties in the tag are settled by what a split lacks in all.
            side = max(range(len(shares)), key=lambda s: (wanted[s, tag], room[s]))
            assign(int(group), side)
    for group in order[free[order]]:
        assign(int(group), int(np.argmax(room)))
    return sides


def _by_priority(splits: int) -> list[int]:
    return [side for side in _PRIORITY if side < splits]


def _fill_empty(sides: npt.NDArray[np.int64], sizes: Matrix, splits: int) -> None:
    """Give every split a group: the smallest of the split with the most groups."""
    for side in _by_priority(splits):
        if not (sides == side).any():
            donor = int(np.bincount(sides, minlength=splits).argmax())
            candidates = np.flatnonzero(sides == donor)
            sides[candidates[np.argmin(sizes[candidates])]] = side


def _repair(
    sides: npt.NDArray[np.int64], has: npt.NDArray[np.bool_], sizes: Matrix, shares: Matrix
) -> None:
    """Move groups so that tags which a split lacks get there, and nothing is lost by it."""
    for _ in range(_REPAIR_ROUNDS):
        moved = False
        for side in _by_priority(len(shares)):
            for tag in np.flatnonzero(~has[sides == side].any(axis=0)):
                group = _spare(int(tag), side, sides, has, sizes, shares)
                if group is not None:
                    sides[group] = side
                    moved = True
        if not moved:
            return


def _spare(
    tag: int,
    side: int,
    sides: npt.NDArray[np.int64],
    has: npt.NDArray[np.bool_],
    sizes: Matrix,
    shares: Matrix,
) -> int | None:
    """Return the group with ``tag`` whose move to ``side`` costs least, if any can be spared.

    A group can be spared if its split keeps every tag, or if only ``tag`` itself moves to a split
    with a better claim to it.
    """
    splits = range(len(shares))
    positives = np.array([has[sides == s].sum(axis=0) for s in splits])  # (splits, tags)
    members = np.bincount(sides, minlength=len(shares))
    total = np.array([sizes[sides == s].sum() for s in splits])
    best: tuple[float, int] | None = None
    for group in np.flatnonzero(has[:, tag] & (sides != side)):
        donor = int(sides[group])
        if members[donor] < 2:
            continue
        lost = has[group] & (positives[donor] == 1)
        better_claim = _PRIORITY.index(side) < _PRIORITY.index(donor)
        if better_claim:
            lost[tag] = False
        if lost.any():
            continue
        after = total.copy()
        after[donor] -= sizes[group]
        after[side] += sizes[group]
        cost = float(np.abs(after / total.sum() - shares).sum())
        if best is None or (cost, int(group)) < best:
            best = (cost, int(group))
    return None if best is None else best[1]
