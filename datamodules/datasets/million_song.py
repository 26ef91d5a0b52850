"""Million Song Dataset: previews of songs with tags from Last.fm (Bertin-Mahieux et al., 2011)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

import numpy as np

from datamodules.annotations.msd_audio_layout import BY_CLIP, BY_TRACK, Layout, detect, finder
from datamodules.annotations.msd_lists import Origin, read_origins
from datamodules.annotations.msd_splits import MsdSplits, Splits
from datamodules.common.errors import TagbenchError
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import Track
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.perturbed_tags import read_tag_table
from datamodules.labels.vocabularies import MSD_CALS50, MSD_LASTFM50
from datamodules.published_dataset import PublishedDataset, PublishedOptions
from datamodules.published_facts import bibtex, load_facts, read_words

Split = Literal["lee", "choi", "cals"]
Lists = Literal["choi", "musicnn", "lee"]

DATABASE = "track_metadata.db"
SHORT_CLIPS = read_words("msd_clips_under_29s.txt")
"""7digital ids of the 965 clips under 29.1 s: 800 of Choi's train, 60 of valid and 105 of test."""
_FACTS = load_facts("million_song")
_UNKNOWN = Origin("", "", "")

_TAG_TABLE = read_tag_table("msd")


class MillionSongDataset(PublishedDataset):
    """Previews of 30 to 60 seconds, in one of the three splits of the literature.

    The audio may not be redistributed, so users supply it (``audio_dir``), either by 7digital id
    (``8/9/8947470.clip.mp3``) or by MSD id (``A/A/A/TRAAAAK128F9318786.mp3``; also FLAC, Ogg, WAV,
    and arrays at 16 kHz as ``.npy``). Missing tracks are counted by split before anything is
    decoded.

    - ``lee`` (Lee et al., 2017; also musicnn, and Won et al., 2020): Choi's split without clips
      under 29.1 seconds. Train and valid are the ids in order, divided after 201,680.
    - ``choi`` (Choi et al., 2016): 800 of its validation tracks are training tracks of ``lee``.
    - ``cals`` (Won et al., 2021): other tags, and no artist in two splits. **63 % of its test
      tracks (21,934) are training tracks of** ``lee``: a model trained on ``lee``, such as most
      published weights, must not be scored on this test set.

    ``lee`` and ``choi`` share artists between splits. Artists are known if the publisher's
    ``track_metadata.db`` (http://millionsongdataset.com, 700 MB) is in the downloads folder or
    given by ``track_metadata``: results are then resampled by artist, and leaks are reported.

    Two pairs of training tracks are one recording each: they share a 7digital clip. Won et al.
    (2020) skip 54 ids, those four and 50 that Lee had left out, and their loader never reads the
    last 54 tracks of each split. This class uses the complete lists instead.

    Args:
        split: ``lee``, ``choi`` or ``cals``, each with its tags.
        lists: Origin of the lists of ``lee``; the tracks are the same. ``choi`` derives them from
            Choi's lists (text and arrays), ``musicnn`` reads tables (text, 41 MB), ``lee`` reads
            the pickles of the split's authors, of which only plain data is loaded.
        track_metadata: Path of ``track_metadata.db``.
        **published: See `PublishedDataset`.
    """

    name = "msd"
    release = "Million Song Dataset 2011, 7digital previews"
    licence = "tags: Last.fm, for research, not commercial; audio: 7digital, not to be passed on"
    access = "bring your own"
    homepage = "http://millionsongdataset.com"
    citation = bibtex("bertinmahieux2011million")
    tags_changed_by = _TAG_TABLE.changes
    categories = _TAG_TABLE.categories
    list_files: ClassVar[Mapping[str, Mapping[str, RemoteFile]]] = {
        group: _FACTS.by_variant(group) for group in _FACTS.files
    }
    expected_by_variant: ClassVar[Mapping[str, Expected]] = _FACTS.expected

    def __init__(
        self,
        *,
        split: Split = "lee",
        lists: Lists = "choi",
        track_metadata: str = "",
        **published: Unpack[PublishedOptions],
    ) -> None:
        super().__init__(**published)
        self.check_choices(split=split, lists=lists)
        if lists != "choi" and split != "lee":
            raise TagbenchError(
                f"msd: lists: {lists} has only the split lee, not {split}. Remove the parameter "
                "lists."
            )
        self.split = split
        self.lists = lists
        self.track_metadata = track_metadata

    def identity(self) -> dict[str, Any]:
        """Return the parameters, without the origin of lists and artists."""
        parameters = super().identity()
        del parameters["lists"], parameters["track_metadata"]
        return parameters

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the split, in the order of its labels."""
        return MSD_CALS50 if self.split == "cals" else MSD_LASTFM50

    @property
    def expected(self) -> Expected:
        """Counts and digest of the split."""
        return self.expected_by_variant[self.split]

    def list_tracks(self) -> Sequence[Track]:
        """Read the lists, and find the file of each track."""
        splits = self._read_splits()
        audio_path = self._audio_finder()
        origins = self._read_origins([track for listed in splits.values() for track in listed.ids])
        names = np.array(self.tags, dtype=object)
        tracks = []
        for split, listed in splits.items():
            for track, labels in zip(listed.ids, listed.labels, strict=True):
                origin = origins.get(track, _UNKNOWN)
                album = f"{origin.artist}:{origin.release}" if origin.release else ""
                tracks.append(
                    self.track(
                        track,
                        split,
                        names[labels].tolist(),
                        audio_path(track),
                        artist=origin.artist,
                        album=album,
                        song=origin.song,
                    )
                )
        return tracks

    @cached_property
    def _lists(self) -> MsdSplits:
        return MsdSplits(
            lambda group, variant: self.file(self.list_files[group][variant]),
            classes=len(self.tags),
            lee_train=self.expected_by_variant["lee"].train,
            short_clips=SHORT_CLIPS,
        )

    def _read_splits(self) -> Splits:
        if self.split == "cals":
            return self._lists.cals()
        if self.split == "choi":
            return self._lists.choi()
        if self.lists == "musicnn":
            return self._lists.lee_from_tables()
        return (
            self._lists.lee_from_pickles() if self.lists == "lee" else self._lists.lee_from_choi()
        )

    def _audio_finder(self) -> Callable[[str], str]:
        """Return a function from MSD ids to paths of audio."""
        layout: Layout = detect(self.audio_root) if self.audio_dir else BY_TRACK
        find = finder(self.audio_root, layout)
        if layout is not BY_CLIP:
            return find
        is_pickled = self.split == "cals" or self.lists == "lee"
        clips = self._lists.lee_clips() if is_pickled else self._lists.choi_clips
        # A track without a 7digital id counts as missing; the path states why.
        return lambda track: find(clips[track]) if track in clips else f"no 7digital id: {track}"

    def _read_origins(self, ids: Sequence[str]) -> Mapping[str, Origin]:
        """Read artist, album and song of the tracks if the database is there."""
        if self.track_metadata:
            path = Path(self.track_metadata).expanduser()
            if not path.is_file():
                raise TagbenchError(
                    f"msd: track_metadata: {path} is no file. Expected the path of {DATABASE}."
                )
        else:
            path = self.downloads / DATABASE
            if not path.is_file():
                return {}
        return read_origins(path, ids)
