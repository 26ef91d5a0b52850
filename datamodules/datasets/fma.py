"""FMA: music of the Free Music Archive with a tree of genres (Defferrard et al., 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Unpack

from datamodules.annotations.fma_tables import SUBSETS, FmaTrack, read_genres, read_tracks
from datamodules.corpus.track import Track
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.vocabularies import FMA_MEDIUM, FMA_SMALL
from datamodules.published_dataset import PublishedDataset, PublishedOptions
from datamodules.published_facts import bibtex, load_facts

Size = Literal["small", "medium", "large", "full"]

_FACTS = load_facts("fma")
_TRACKS = "fma_metadata/tracks.csv"
_GENRES = "fma_metadata/genres.csv"
_CLIP_SECONDS = 30.0
_ROOT_GENRES = {"small": FMA_SMALL, "medium": FMA_MEDIUM}


class FMA(PublishedDataset):
    """8,000, 25,000 or 106,574 tracks of the Free Music Archive, in the publisher's split.

    In ``small`` (8 genres with equally many tracks) and ``medium`` (16 genres), a track has one
    genre, and genres are in alphabetical order. In ``large`` and ``full``, a track has any number
    of 161 genres, which include the genres that its genres belong to, ordered by the publisher's
    ids. Both are as in the publisher's baselines. A size contains the smaller sizes, track by track
    and split by split. ``full`` has whole tracks; the other sizes have clips of 30 s from the
    middle.

    No artist is in two splits. Some tracks of ``large`` and ``full`` have no genre. The publisher
    put all of them into the training split, where they stay without a tag.

    The clips of 17 tracks (three in ``small``) have no audio: they were cut after the end of the
    track. They are the ``errata``. Four clips (98565, 98567, 98569, 108924) were cut near the end
    and are short: they are decoded and kept. Of 147 further clips of ``large`` that others list as
    not decodable, the publisher could decode several, so here the decoder decides. ``full`` has the
    audio of all of them.

    The manifest has the ids of the genres that the artist chose in the column ``sub_genres``,
    separated by ``|``.

    Args:
        size: ``small``, ``medium``, ``large`` or ``full``.
        **published: See `PublishedDataset`. ``audio_dir`` is the folder ``fma_<size>``, or the
            folder that contains it.
    """

    name = "fma"
    release = "fma 2017-05-09"
    licence = "CC BY 4.0 (metadata); each track has the Creative Commons licence of its artist"
    access = "open"
    homepage = "https://github.com/mdeff/fma"
    citation = bibtex("defferrard2017fma")
    metadata: ClassVar[RemoteFile] = _FACTS.single("metadata")
    audio: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("audio")
    errata = _FACTS.errata
    expected_by_variant = _FACTS.expected

    def __init__(self, *, size: Size = "small", **published: Unpack[PublishedOptions]) -> None:
        super().__init__(**published)
        self.check_choices(size=size)
        self.size = self.variant = size
        self.task = "singlelabel" if size in _ROOT_GENRES else "multilabel"
        self.archives = (self.audio[size],)
        self.archive_bytes = _FACTS.archive_bytes.get(size, 0)
        if size == "full":
            self.errata = {}  # its tracks are not cut

    @cached_property
    def audio_root(self) -> Path:
        """Folder of ``000``, ``001`` and so on; the sizes with clips share one."""
        root = super().audio_root
        if not self.audio_dir:
            return root / ("full" if self.size == "full" else "clips")
        inner = root / f"fma_{self.size}"
        return inner if inner.is_dir() else root

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Genres: in alphabetical order if a track has one, in the order of ids otherwise."""
        return _ROOT_GENRES.get(self.size) or tuple(self._titles.values())

    def list_tracks(self) -> Sequence[Track]:
        """Return the tracks of this size in the publisher's split."""
        subsets = SUBSETS if self.size == "full" else SUBSETS[: SUBSETS.index(self.size) + 1]
        rows = read_tracks(self.member(self.metadata, _TRACKS), self._titles)
        return [self._track(row) for row in rows if row.subset in subsets]

    def audio_path(self, name: str) -> str:
        """Return the path of an MP3 file without the folder that is named after the size."""
        _, _, path = name.partition("/")
        return path if path.endswith(".mp3") else ""

    def _track(self, row: FmaTrack) -> Track:
        path = f"{row.number // 1000:03d}/{row.number:06d}.mp3"
        seconds = _CLIP_SECONDS if row.seconds is None else row.seconds
        is_full = self.size == "full"
        return self.track(
            str(row.number),
            row.split,
            [row.genre] if self.task == "singlelabel" else row.genres,
            path,
            # Sizes share prepared audio of the same name.
            label=f"full/{path}" if is_full else path,
            artist=row.artist,
            album=row.album,
            seconds=seconds if is_full else min(seconds, _CLIP_SECONDS),
            extra={"sub_genres": "|".join(map(str, row.own_genres))},
        )

    @cached_property
    def _titles(self) -> dict[int, str]:
        return read_genres(self.member(self.metadata, _GENRES))
