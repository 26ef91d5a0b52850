"""Million Song Dataset: previews of songs with tags from Last.fm (Bertin-Mahieux et al., 2011)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import ClassVar, Literal, Unpack

from datamodules.annotations.msd_audio_layout import BY_TRACK, detect, track_finder
from datamodules.annotations.msd_metadata_db import find_origins
from datamodules.annotations.msd_splits import MsdSplits, list_entries
from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Track
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.perturbed_tags import read_tag_table
from datamodules.labels.vocabularies import MSD_CALS50, MSD_LASTFM50
from datamodules.published_dataset import PublishedDataset, PublishedOptions
from datamodules.published_facts import bibtex, load_facts, read_words

Split = Literal["lee", "choi", "cals"]
Lists = Literal["choi", "musicnn", "lee"]

SHORT_CLIPS = read_words("msd_clips_under_29s.txt")
"""7digital ids of the 965 clips under 29.1 s: 800 of Choi's train, 60 of valid and 105 of test."""
_FACTS = load_facts("million_song")
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

    Args:
        split: ``lee``, ``choi`` or ``cals``, each with its tags.
        lists: Origin of the lists of ``lee``: ``choi``, ``musicnn`` or ``lee``. The tracks are the
            same (`datamodules.annotations.msd_splits.MsdSplits.read`).
        track_metadata: Path of ``track_metadata.db``.
        **published: See `PublishedDataset`.
    """

    name = "msd"
    release = "Million Song Dataset 2011, 7digital previews"
    licence = "tags: Last.fm, for research, not commercial; audio: 7digital, not to be passed on"
    access = "bring your own"
    homepage = "http://millionsongdataset.com"
    citation = bibtex("bertinmahieux2011million")
    source_parameters = ("audio_dir", "lists", "track_metadata")
    tags_changed_by = _TAG_TABLE.changes
    categories = _TAG_TABLE.categories
    list_files: ClassVar[Mapping[str, Mapping[str, RemoteFile]]] = {
        group: _FACTS.by_variant(group) for group in _FACTS.files
    }
    expected_by_variant = _FACTS.expected

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
        self.split = self.variant = split
        self.lists = lists
        self.track_metadata = track_metadata

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the split, in the order of its labels."""
        return MSD_CALS50 if self.split == "cals" else MSD_LASTFM50

    def list_tracks(self) -> Sequence[Track]:
        """Read the lists, and find the file of each track."""
        splits = self._lists.read(self.split, self.lists)
        layout = detect(self.audio_root) if self.audio_dir else BY_TRACK
        clips = partial(self._lists.read_clips, self.split, self.lists)
        find = track_finder(self.audio_root, layout, clips)
        ids = [track for listed in splits.values() for track in listed.ids]
        origins = find_origins(self.track_metadata, self.downloads, ids)
        return [
            self.track(**vars(entry) | {"path": find(entry.track_id)})
            for entry in list_entries(splits, self.tags, origins)
        ]

    @cached_property
    def _lists(self) -> MsdSplits:
        return MsdSplits(
            lambda group, variant: self.file(self.list_files[group][variant]),
            classes=len(self.tags),
            lee_train=self.expected_by_variant["lee"].train,
            short_clips=SHORT_CLIPS,
        )
