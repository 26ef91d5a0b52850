"""GTZAN: clips of ten genres (Tzanetakis and Cook, 2002), without those known to be faulty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Unpack

from datamodules.annotations.gtzan_artists import read_artists
from datamodules.annotations.gtzan_clip_files import Clip, find_clips, parse_name
from datamodules.corpus.track import Track
from datamodules.download.fallback import fetch_or_copy
from datamodules.download.remote_file import RemoteFile
from datamodules.labels.stratified_split import hold_out
from datamodules.labels.vocabularies import GTZAN
from datamodules.published_dataset import PublishedDataset, PublishedOptions
from datamodules.published_facts import bibtex, load_facts, read_table

Split = Literal["fault_filtered", "fold1", "fold2", "fold3"]

_SECONDS = 30.0
_VALID, _SEED = 0.15, 0  # of the folds, which define no validation set
_FACTS = load_facts("gtzan")


class Gtzan(PublishedDataset):
    """Clips of 30 seconds, each of one of ten genres.

    The collection has repetitions, distortions and wrong labels (Sturm, 2013), so every variant
    leaves clips out. ``fault_filtered`` is the split of Kereliuk et al. (2015): 930 clips, without
    artists. Of the 887 clips whose artist Foleiss names, disco.00069 (test) and disco.00049 and
    disco.00073 (train) share one. The folds are those of Foleiss and Tavares (2020): 948 clips, no
    artist in two splits. The fold is the test set; whole artists of the other two folds are held
    out for validation.

    Copies of the archive differ. In some of them, jazz.00054 is truncated: it is rejected, and the
    training split has one clip less. If neither the original address nor its web archive answers, a
    copy is downloaded, and a difference from the original is announced.

    Args:
        split: ``fault_filtered``, or ``fold1`` to ``fold3``.
        **published: See `PublishedDataset`. The clips may be in any folder below ``audio_dir``, as
            ``.wav``, ``.au`` or ``.mp3``, and ``hiphop`` may be spelt ``hip-hop``.
    """

    name = "gtzan"
    task = "singlelabel"
    release = "gtzan genres.tar.gz"
    licence = "none stated: not to be passed on"
    access = "open"
    homepage = "http://marsyas.info/downloads/datasets.html"
    citation = bibtex("tzanetakis2002musical")
    archives = _FACTS.files["archives"]["original"]
    archive_bytes = _FACTS.archive_bytes["original"]
    # It has no published checksum: that of the first download is recorded.
    copy: ClassVar[RemoteFile] = _FACTS.single("archives", "copy")
    folds: ClassVar[tuple[RemoteFile, ...]] = tuple(_FACTS.by_variant("folds").values())
    expected_by_variant = _FACTS.expected

    def __init__(
        self, *, split: Split = "fault_filtered", **published: Unpack[PublishedOptions]
    ) -> None:
        super().__init__(**published)
        self.check_choices(split=split)
        self.split = self.variant = split

    @property
    def tags(self) -> tuple[str, ...]:
        """The genres, in alphabetical order."""
        return GTZAN

    def list_tracks(self) -> Sequence[Track]:
        """Return the clips of the split."""
        if self.split == "fault_filtered":
            return [self._track(clip, split) for clip, split in fault_filtered_clips()]
        test_fold = int(self.split.removeprefix("fold"))
        rest: list[Track] = []
        test: list[Track] = []
        for fold, remote in enumerate(self.folds, 1):
            for genre, number, artist in read_artists(self.file(remote), self.tags):
                split = "test" if fold == test_fold else ""
                (test if split else rest).append(self._track(Clip(genre, number), split, artist))
        return [*hold_out(rest, valid=_VALID, seed=_SEED), *test]

    def audio_path(self, name: str) -> str:
        """Return the original path of a clip; the decoder does not depend on the suffix."""
        clip = parse_name(name.rpartition("/")[2], self.tags)
        return clip.path if clip else ""

    def fetch_archives(self) -> list[Path]:
        """Download the original archive, or a copy if that fails."""
        (original,) = self.archives
        return [fetch_or_copy(original, self.copy, self.downloads, self.progress, self.name)]

    def _track(self, clip: Clip, split: str, artist: str = "") -> Track:
        path = self._paths.get(clip.track_id, clip.path) if self.audio_dir else clip.path
        return self.track(
            clip.track_id, split, [clip.genre], path, clip.path, artist=artist, seconds=_SECONDS
        )

    @cached_property
    def _paths(self) -> dict[str, str]:
        return find_clips(self.audio_root, self.tags)


def fault_filtered_clips() -> Iterator[tuple[Clip, str]]:
    """Yield the clips of the fault-filtered split, each with its split."""
    for row in read_table("gtzan_fault_filtered.csv"):
        if row["split"] != "faulty":
            yield Clip(row["genre"], int(row["number"])), row["split"]
