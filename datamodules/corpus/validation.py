"""Consistency checks of the rows of a dataset, before anything is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.track import COLUMNS, SPLITS, UNLABELLED, Track


def check_tracks(tracks: Sequence[Track], tags: Sequence[str], task: str, name: str) -> None:
    """Check that the tracks of a dataset agree with its tags and its task.

    Args:
        tracks: All tracks, each with a split.
        tags: Classes in order.
        task: ``"multilabel"`` or ``"singlelabel"``.
        name: Name of the dataset, for messages.

    Raises:
        TagbenchError: If there are no tracks, an identifier or a tag is repeated, a track has an
            unknown split or tag, a track of split ``unlabelled`` has a tag, or another
            single-label track has more or fewer than one tag.
    """
    if not tracks:
        raise TagbenchError(f"Dataset {name!r} has no tracks.")
    counts = Counter(track.track_id for track in tracks)
    repeated = [track_id for track_id, count in counts.items() if count > 1]
    if repeated:
        raise TagbenchError(
            f"Dataset {name!r} lists {len(repeated)} track ids more than once, "
            f"such as {repeated[0]!r}. Track ids must be unique."
        )
    vocabulary = set(tags)
    if len(vocabulary) != len(tags):
        raise TagbenchError(f"The tags of {name!r} must be unique: {tags}.")
    # An unlabelled corpus cannot train a model, but predictions on it can be compared.
    if not vocabulary and any(track.split not in ("test", UNLABELLED) for track in tracks):
        raise TagbenchError(
            f"{name!r} has no tags: all of its tracks must be in test or {UNLABELLED}."
        )
    for track in tracks:
        _check_track(track, vocabulary, task, name)


def check_training_tags(tracks: Sequence[Track], tags: Sequence[str], where: Path) -> None:
    """Check that each tag has a training track.

    Args:
        tracks: All tracks, each with a split.
        tags: Classes in order.
        where: Table of the tracks, for the message.

    Raises:
        TagbenchError: If a tag has none. For the other splits, the corpus contains a warning.
    """
    learnt = {tag for track in tracks if track.split == "train" for tag in track.tags}
    missing = [tag for tag in tags if tag not in learnt]
    if missing:
        raise TagbenchError(
            f"{where}: {len(missing)} of {len(tags)} tags have no track in train: "
            f"{', '.join(missing[:10])}{' ...' if len(missing) > 10 else ''}. "
            "Give each tag a track in train, or remove it."
        )


def _check_track(track: Track, vocabulary: Collection[str], task: str, name: str) -> None:
    where = f"track {track.track_id!r} of {name!r}"
    if track.split not in (*SPLITS, UNLABELLED):
        raise unknown_name("split", track.split, (*SPLITS, UNLABELLED), where)
    if track.split == UNLABELLED and track.tags:
        raise TagbenchError(
            f"{where} is in split {UNLABELLED} and has the tags {', '.join(track.tags)}; a track "
            "of that split must have none."
        )
    for tag in track.tags:
        if tag not in vocabulary:
            raise unknown_name("tag", tag, vocabulary, where)
    if task == "singlelabel" and track.split != UNLABELLED and len(track.tags) != 1:
        raise TagbenchError(
            f"{where} has {len(track.tags)} tags ({', '.join(track.tags) or 'none'}); "
            "a single-label dataset needs exactly one tag for each track."
        )
    if clash := set(track.extra) & set(COLUMNS):
        raise TagbenchError(f"{where}: extra columns must not be called {sorted(clash)}.")
