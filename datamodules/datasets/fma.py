"""FMA: music of the Free Music Archive with a tree of genres (Defferrard et al., 2017)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Unpack

from datamodules.annotations import fma_tables
from datamodules.common.errors import unknown_name
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import Track
from datamodules.download.extract import extract
from datamodules.download.remote_file import RemoteFile
from datamodules.published_dataset import Published, PublishedOptions
from datamodules.published_facts import bibtex, load_facts

Size = Literal["small", "medium", "large", "full"]

_FACTS = load_facts("fma")
_SIZES = ("small", "medium", "large", "full")
_TRACKS = "fma_metadata/tracks.csv"
_GENRES = "fma_metadata/genres.csv"
_SPLITS = {"training": "train", "validation": "valid", "test": "test"}
_SUBSETS = ("small", "medium", "large")  # each track names the smallest that holds it
_CLIP_SECONDS = 30.0
GENRES_SMALL = (
    "Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental", "International", "Pop", "Rock",
)  # fmt: skip
GENRES_MEDIUM = (
    "Blues", "Classical", "Country", "Easy Listening", "Electronic", "Experimental", "Folk",
    "Hip-Hop", "Instrumental", "International", "Jazz", "Old-Time / Historic", "Pop", "Rock",
    "Soul-RnB", "Spoken",
)  # fmt: skip
_TOP_GENRES = {"small": GENRES_SMALL, "medium": GENRES_MEDIUM}


class FMA(Published):
    """8,000, 25,000 or 106,574 tracks of the Free Music Archive, in the split of its publisher.

    ``small`` (8 genres, as many tracks of each) and ``medium`` (16) have one genre a track, in
    alphabetical order, as the baselines of the publisher have them. ``large`` and ``full`` have
    any number of 161: genres and all that these belong to, ordered by the publisher's ids, again
    as the baselines do. A size contains the smaller ones, track by track and split by split;
    all but ``full``, which has whole tracks, are clips of 30 s from the middle.

    No artist is in two splits. Some tracks of the largest sizes have no genre; the publisher put
    all of those into train. They stay there, with no tag.

    The clips of 17 tracks were cut where the track had ended already, and hold no audio
    (``errata``; three are in ``small``). Those of four more (98565, 98567, 98569, 108924) were
    cut near the end and are short: they are decoded and kept. A list of 147 further clips
    of ``large`` that could not be decoded goes round; the publisher could decode several, so the
    decoder is asked, and what it refuses is rejected. ``full`` has the audio of all of them.

    Args:
        size: ``small``, ``medium``, ``large`` or ``full``.
        **published: See `Published`. ``audio_dir`` may be the folder ``fma_<size>`` or that around
            it.
    """

    name = "fma"
    release = "fma 2017-05-09"
    licence = "CC BY 4.0 (metadata); each track has the Creative Commons licence of its artist"
    access = "open"
    homepage = "https://github.com/mdeff/fma"
    citation = bibtex("defferrard2017fma")
    metadata: ClassVar[RemoteFile] = _FACTS.single("metadata")
    audio: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("audio")
    gibibytes: ClassVar[dict[str, int]] = {"medium": 22, "large": 93, "full": 879}
    errata: ClassVar[dict[str, str]] = dict.fromkeys(
        (
            "1486", "5574", "65753", "80391", "98558", "98559", "98560", "98566", "98568", "98571",
            "99134", "105247", "108925", "126981", "127336", "133297", "143992",
        ),
        "the publisher cut the clip after the end of the track: it has no audio",
    )  # fmt: skip
    # The counts are without the errata, which only ``full`` has.
    proofs: ClassVar[Mapping[str, Expected]] = _FACTS.expected

    def __init__(self, *, size: Size = "small", **published: Unpack[PublishedOptions]) -> None:
        super().__init__(**published)
        if size not in _SIZES:
            raise unknown_name("size", size, _SIZES, "fma: size")
        self.size = size
        self.task = "singlelabel" if size in _TOP_GENRES else "multilabel"
        self.archives = (self.audio[size],)
        self.about_bytes = self.gibibytes.get(size, 0) << 30
        if size == "full":
            self.errata = {}  # type: ignore[misc]  # nothing was cut

    @cached_property
    def audio_root(self) -> Path:
        """Folder of ``000``, ``001`` and so on; the sizes that hold clips share one."""
        root = super().audio_root
        if not self.audio_dir:
            return root / ("full" if self.size == "full" else "clips")
        inner = root / f"fma_{self.size}"
        return inner if inner.is_dir() else root

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Genres: alphabetical where a track has one, else by id."""
        return _TOP_GENRES.get(self.size) or tuple(self._titles.values())

    @property
    def expected(self) -> Expected:
        """Counts of the publication, less the clips that hold no audio."""
        return self.proofs[self.size]

    def list_tracks(self) -> Sequence[Track]:
        """Take the tracks of this size with the split that the publisher gave them."""
        held = _SUBSETS if self.size == "full" else _SUBSETS[: _SUBSETS.index(self.size) + 1]
        path = self._table(_TRACKS)
        tracks = []
        for line, row in fma_tables.read_tracks(path):
            for column, valid in (("subset", _SUBSETS), ("split", tuple(_SPLITS))):
                if row[column] not in valid:
                    raise unknown_name(column, row[column], valid, f"{path}, line {line}")
            if row["subset"] not in held:
                continue
            try:
                tracks.append(self._track(row))
            except (KeyError, ValueError, TypeError) as error:
                what = f"{type(error).__name__}: {error}"
                raise fma_tables.not_as_published(path, line, what) from error
        return tracks

    def member(self, name: str) -> str:
        """Keep the clips, without the folder that names the size."""
        _, _, path = name.partition("/")
        return path if path.endswith(".mp3") else ""

    def _track(self, row: fma_tables.Row) -> Track:
        number = int(row["track_id"])
        path = f"{number // 1000:03d}/{number:06d}.mp3"
        seconds = float(row["duration"]) if row["duration"] else _CLIP_SECONDS
        return self.track(
            str(number),
            _SPLITS[row["split"]],
            self._genres(row),
            path,
            # Prepared audio is shared between sizes by its name.
            label=f"full/{path}" if self.size == "full" else path,
            artist=row["artist"],
            album="" if row["album"] == "-1" else row["album"],
            seconds=seconds if self.size == "full" else min(seconds, _CLIP_SECONDS),
        )

    def _genres(self, row: fma_tables.Row) -> list[str]:
        if self.task == "singlelabel":
            return [row["genre_top"]]
        # A list as Python writes it; of integers, so it is JSON as well.
        return [self._titles[genre] for genre in sorted(json.loads(row["genres_all"]))]

    @cached_property
    def _titles(self) -> dict[int, str]:
        """Title by id of each genre that has tracks, ordered by id; two have none."""
        return fma_tables.read_genres(self._table(_GENRES))

    def _table(self, name: str) -> Path:
        """Return a table of the metadata archive; features and raw tables stay packed."""
        wanted = {_TRACKS, _GENRES}
        extract(
            self.file(self.metadata), self.downloads, wanted=wanted.__contains__,
            progress=self.progress,
        )  # fmt: skip
        return self.downloads / name
