"""Million Song Dataset: previews of songs with tags from Last.fm (Bertin-Mahieux et al., 2011)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

import numpy as np

from datamodules.annotations import msd_lists
from datamodules.annotations.msd_audio_layout import BY_CLIP, BY_TRACK, Layout, detect, finder
from datamodules.annotations.msd_lists import Listed, Origin
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import SPLITS, Track
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.perturbed_tags import MSD_CATEGORIES, MSD_CHANGES
from datamodules.labels.vocabularies import MSD_CALS50, MSD_LASTFM50
from datamodules.published_dataset import Published, PublishedOptions
from datamodules.published_facts import bibtex, lines_of, load_facts

Split = Literal["lee", "choi", "cals"]
Lists = Literal["choi", "musicnn", "lee"]

DATABASE = "track_metadata.db"
SHORT_CLIPS = lines_of("msd_clips_under_29s.txt")
"""7digital ids of the 965 clips under 29.1 s: 800 of Choi's train, 60 of valid and 105 of test."""
_FACTS = load_facts("million_song")


class MillionSongDataset(Published):
    """Previews of 30 to 60 seconds, in one of the three splits of the literature.

    The audio may not be passed on, so it is brought by the user (``audio_dir``), either by
    7digital id (``8/9/8947470.clip.mp3``) or by MSD id (``A/A/A/TRAAAAK128F9318786.mp3``; also
    FLAC, Ogg, WAV, and arrays at 16 kHz as ``.npy``). What is absent is counted by split before
    anything is decoded.

    - ``lee`` (Lee et al., 2017; also musicnn, and Won et al., 2020): Choi's split without clips
      under 29.1 seconds. Train and valid are the ids in order, cut after 201,680.
    - ``choi`` (Choi et al., 2016): 800 of its valid tracks are train tracks of ``lee``.
    - ``cals`` (Won et al., 2021): other tags, and no artist in two splits. **63 % of its test
      tracks (21,934) are train tracks of** ``lee``: a model trained there, such as most published
      weights, must not be scored on this test set.

    ``lee`` and ``choi`` share artists between splits. Artists are known where the publisher's
    ``track_metadata.db`` (http://millionsongdataset.com, 700 MB) lies in the downloads folder or
    is named: results are then resampled by artist and leaks are reported.

    Two pairs of train tracks are one recording each: they share a 7digital clip. Won et al. (2020)
    skip 54 ids, those four and 50 that Lee had left out, and their loader never reads the last 54
    tracks of each split either. Neither is copied here: a split is the whole list.

    Args:
        split: Which split, with its tags.
        lists: Where the lists of ``lee`` come from; the tracks are the same. ``choi`` derives
            them from Choi's (text and arrays), ``musicnn`` reads tables (text, 41 MB), ``lee``
            the pickles of the split's authors, which may hold nothing but plain data.
        track_metadata: Path of ``track_metadata.db``.
        **published: See `Published`.
    """

    name = "msd"
    release = "Million Song Dataset 2011, 7digital previews"
    licence = "tags: Last.fm, for research, not commercial; audio: 7digital, not to be passed on"
    access = "bring your own"
    homepage = "http://millionsongdataset.com"
    citation = bibtex("bertinmahieux2011million")
    tags_changed_by = MSD_CHANGES
    categories = MSD_CATEGORIES
    choi_ids: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("choi_ids")
    choi_clips: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("choi_clips")
    choi_labels: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("choi_labels")
    musicnn_tables: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("musicnn_tables")
    lee_train: ClassVar[RemoteFile] = _FACTS.single("lee_train")
    lee_test: ClassVar[RemoteFile] = _FACTS.single("lee_test")
    lee_labels: ClassVar[RemoteFile] = _FACTS.single("lee_labels")
    lee_clips: ClassVar[RemoteFile] = _FACTS.single("lee_clips")
    cals_ids: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("cals_ids")
    cals_labels: ClassVar[dict[str, RemoteFile]] = _FACTS.by_variant("cals_labels")
    proofs: ClassVar[Mapping[str, Expected]] = _FACTS.expected

    def __init__(
        self,
        *,
        split: Split = "lee",
        lists: Lists = "choi",
        track_metadata: str = "",
        **published: Unpack[PublishedOptions],
    ) -> None:
        super().__init__(**published)
        if split not in self.proofs:
            raise unknown_name("split", split, self.proofs, "msd: split")
        if lists not in ("choi", "musicnn", "lee"):
            raise unknown_name("origin", lists, ("choi", "musicnn", "lee"), "msd: lists")
        if lists != "choi" and split != "lee":
            raise TagbenchError(
                f"msd: lists: {lists} has the split lee alone, not {split}. Leave it out."
            )
        self.split = split
        self.lists = lists
        self.track_metadata = track_metadata

    def identity(self) -> dict[str, Any]:
        """Return the parameters, without where lists and artists come from."""
        found = super().identity()
        del found["lists"], found["track_metadata"]
        return found

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the split, in the order of its labels."""
        return MSD_CALS50 if self.split == "cals" else MSD_LASTFM50

    @property
    def expected(self) -> Expected:
        """Counts and digest of the split."""
        return self.proofs[self.split]

    def list_tracks(self) -> Sequence[Track]:
        """Read the lists, and find the file of each track."""
        listed = self._listed()
        find = self._finder()
        origins = self._origins([track for part in listed.values() for track in part.ids])
        nobody = Origin("", "", "")
        names = np.array(self.tags, dtype=object)
        tracks = []
        for split, part in listed.items():
            for track, labels in zip(part.ids, part.labels, strict=True):
                origin = origins.get(track, nobody)
                album = f"{origin.artist}:{origin.release}" if origin.release else ""
                tracks.append(
                    self.track(
                        track,
                        split,
                        names[labels].tolist(),
                        find(track),
                        artist=origin.artist,
                        album=album,
                        song=origin.song,
                    )
                )
        return tracks

    def _listed(self) -> Mapping[str, Listed]:
        if self.split == "cals":
            return {split: self._cals_split(split) for split in SPLITS}
        if self.split == "choi":
            return {split: self._choi_split(split) for split in SPLITS}
        if self.lists == "musicnn":
            tables = self.musicnn_tables
            return {s: msd_lists.read_table(self.file(tables[s]), len(self.tags)) for s in SPLITS}
        return self._lee_pickles() if self.lists == "lee" else self._lee_from_choi()

    def _choi_split(self, split: str) -> Listed:
        ids = msd_lists.read_ids(self.file(self.choi_ids[split]))
        labels = self.file(self.choi_labels[split])
        return Listed(ids, msd_lists.read_labels(labels, len(ids), len(self.tags)))

    def _cals_split(self, split: str) -> Listed:
        ids = msd_lists.read_id_array(self.file(self.cals_ids[split]))
        labels = self.file(self.cals_labels[split])
        return Listed(ids, msd_lists.read_labels(labels, len(ids), len(self.tags)))

    def _lee_from_choi(self) -> Mapping[str, Listed]:
        """Leave out short clips, and cut train and valid, in order, where Lee et al. do."""
        choi = {split: self._choi_split(split) for split in SPLITS}
        clips = self._choi_clips
        ids = [*choi["train"].ids, *choi["valid"].ids]
        pool = Listed(ids, np.concatenate([choi["train"].labels, choi["valid"].labels]))
        rows = [row for row, track in enumerate(ids) if clips[track] not in SHORT_CLIPS]
        rows.sort(key=ids.__getitem__)
        test = choi["test"]
        heard = [row for row, track in enumerate(test.ids) if clips[track] not in SHORT_CLIPS]
        cut = self.expected.train
        return {
            "train": pool.take(rows[:cut]), "valid": pool.take(rows[cut:]), "test": test.take(heard)
        }  # fmt: skip

    def _lee_pickles(self) -> Mapping[str, Listed]:
        pool = msd_lists.unpickle_ids(self.file(self.lee_train))
        cut = self.expected.train
        test = msd_lists.unpickle_ids(self.file(self.lee_test))
        ids = {"train": pool[:cut], "valid": pool[cut:], "test": test}
        every = [track for split in SPLITS for track in ids[split]]
        labels = msd_lists.unpickle_labels(self.file(self.lee_labels), every, len(self.tags))
        parts = np.split(labels, [cut, len(pool)])
        return {s: Listed(ids[s], part) for s, part in zip(SPLITS, parts, strict=True)}

    @cached_property
    def _choi_clips(self) -> dict[str, str]:
        """7digital ids of Choi's tracks, and so of Lee's."""
        found: dict[str, str] = {}
        for split in SPLITS:
            ids = msd_lists.read_ids(self.file(self.choi_ids[split]))
            clips = msd_lists.read_clips(self.file(self.choi_clips[split]), len(ids))
            found.update(zip(ids, clips, strict=True))
        return found

    def _finder(self) -> Callable[[str], str]:
        """Return a function from MSD ids to paths of audio."""
        layout: Layout = detect(self.audio_root) if self.audio_dir else BY_TRACK
        find = finder(self.audio_root, layout)
        if layout is not BY_CLIP:
            return find
        pickled = self.split == "cals" or self.lists == "lee"
        clips = msd_lists.unpickle_clips(self.file(self.lee_clips)) if pickled else self._choi_clips
        # A track of which no clip is known counts as missing, under a name that says so.
        return lambda track: find(clips[track]) if track in clips else f"no 7digital id: {track}"

    def _origins(self, ids: Sequence[str]) -> Mapping[str, Origin]:
        """Read who made the tracks, if that can be known here."""
        if self.track_metadata:
            path = Path(self.track_metadata).expanduser()
            if not path.is_file():
                raise TagbenchError(f"msd: track_metadata: {path} is no file.")
        else:
            path = self.downloads / DATABASE
            if not path.is_file():
                return {}
        return msd_lists.read_origins(path, ids)
