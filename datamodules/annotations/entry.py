"""`Entry`: one track of a list that a publisher wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A track of a published list.

    The names of the fields are those of the parameters of
    `datamodules.published_dataset.PublishedDataset.track`.

    Attributes:
        track_id: Identifier.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        tags: Positive labels of the track.
        path: Path of the audio below the folder of the audio, with ``/``; empty if the list does
            not state it.
        artist: Artist; empty if the list does not state it. Likewise ``album`` and ``song``.
        album: See ``artist``.
        song: See ``artist``.
        seconds: Length in seconds; None if the list does not state it.
    """

    track_id: str
    split: str
    tags: tuple[str, ...]
    path: str = ""
    artist: str = ""
    album: str = ""
    song: str = ""
    seconds: float | None = None
