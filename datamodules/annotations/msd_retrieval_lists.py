"""The tracks, tags and splits of MSD500, built from the files of its publishers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datamodules.annotations.msd_lastfm_db import read_annotations, read_songs, read_track_tags
from datamodules.annotations.msd_metadata_db import DATABASE, Origin, read_origins_of_songs
from datamodules.labels.rejection_split import rejection_split
from datamodules.labels.tag_lemmas import grouped_tags, most_frequent

LEAST_SCORE, MOST_TAGS, LEAST_TRACKS = 50, 20, 100

Tags = dict[str, tuple[str, ...]]


def build_rows(
    folder: Path, top: int | None, least_positives: int, split_seed: int
) -> list[list[Any]]:
    """Return id, split, tags, artist, album and song of each track, sorted by id.

    Args:
        folder: The files that `datamodules.datasets.msd500.MSD500` names.
        top: Number of tags; None for all.
        least_positives: Least number of tracks of a tag in a split.
        split_seed: Seed of the split.

    Raises:
        TagbenchError: A file is missing or has another format, or no split has enough tracks.
    """
    published = folder / "track_tags.tsv"
    tagged, origins = _published(published) if published.is_file() else _by_rule(folder)
    chosen = set(most_frequent(tagged, top))
    kept = {track: [tag for tag in tags if tag in chosen] for track, tags in tagged.items()}
    kept = {track: kept[track] for track in sorted(kept) if kept[track]}
    artists = {track: origins[track].artist for track in kept}
    splits = rejection_split(kept, artists, least=least_positives, seed=split_seed)
    return [[track, splits[track], tags, *_groups(origins[track])] for track, tags in kept.items()]


def _published(path: Path) -> tuple[Tags, dict[str, Origin]]:
    """Return the groups of tags of each track as they are published, and the origins."""
    origins = read_origins_of_songs(path.with_name(DATABASE), None)
    tagged: dict[str, set[str]] = {}
    for track, tag in read_track_tags(path, LEAST_SCORE):
        if track in origins:
            tagged.setdefault(track, set()).add(tag)
    return {track: tuple(sorted(tags)) for track, tags in tagged.items()}, origins


def _by_rule(folder: Path) -> tuple[Tags, dict[str, Origin]]:
    """Return the groups of tags of each track by the rules of the publication, and the origins."""
    plain = folder / "train_triplets.txt"
    songs = read_songs(plain if plain.is_file() else plain.with_name(f"{plain.name}.gz"))
    origins = read_origins_of_songs(folder / DATABASE, songs)
    found = read_annotations(folder / "lastfm_tags.db", origins, LEAST_SCORE)
    few = {track: tags for track, tags in found.items() if len(tags) <= MOST_TAGS}
    return grouped_tags(few, least_tracks=LEAST_TRACKS), origins


def _groups(origin: Origin) -> list[str]:
    return [origin.artist, origin.album, origin.song]
