"""ISMIR2004: genres of whole Magnatune tracks, from the genre classification contest of 2004."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Unpack

from datamodules.annotations.ismir2004_tracklists import ListedTrack, read_tracklist
from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Track
from datamodules.labels.stratified_split import hold_out
from datamodules.published_dataset import PublishedDataset, PublishedOptions
from datamodules.published_facts import bibtex, load_facts, read_table

TestSet = Literal["development", "evaluation"]

_FACTS = load_facts("ismir2004")
_TEST_SETS = ("development", "evaluation")
_VALID, _SEED = 0.15, 0  # the contest defines no validation set
_RENAMED = {row["listed"]: row["file"] for row in read_table("ismir2004_renamed_files.csv")}


class Ismir2004(PublishedDataset):
    """Three sets of 729 tracks, each of one of six classes.

    ``training`` is divided: a seeded 15 % of it, by whole artists, is the validation split. The
    test split is ``development``, as in most of the literature, or ``evaluation``, which the
    contest kept secret. All 127 artists and 214 of the 216 albums of ``evaluation`` are in
    ``training``, too. ``development`` is anonymous. It has 128 artists and 217 albums, and
    ``training`` has 128 and 216, so they are very likely the same. Scores are therefore measured
    on artists that also occur in training.

    The folder of the user contains ``audio`` and ``metadata`` as published at Zenodo.

    Args:
        test: ``development`` or ``evaluation``.
        **published: See `PublishedDataset`.
    """

    name = "ismir2004"
    task = "singlelabel"
    release = "zenodo 1302992"
    licence = "CC BY-NC-SA 1.0 (Magnatune)"
    access = "bring your own"
    homepage = "https://zenodo.org/record/1302992"
    citation = bibtex("cano2006ismir")
    tracklists: ClassVar[Mapping[str, str]] = _FACTS.checksums
    expected_by_variant = _FACTS.expected

    def __init__(
        self, *, test: TestSet = "development", **published: Unpack[PublishedOptions]
    ) -> None:
        super().__init__(**published)
        self.check_choices(test=test)
        self.test = self.variant = test

    @property
    def tags(self) -> tuple[str, ...]:
        """The classes, in alphabetical order; the contest merged related genres."""
        return ("classical", "electronic", "jazz_blues", "metal_punk", "rock_pop", "world")

    def build_manifest(self) -> Sequence[Track]:
        """Return the published list of tracks; announces that artists cannot be compared."""
        if self.test == "development":
            self.progress.announce(
                f"{self.name}: the artists of the development set are anonymous. The evaluation "
                "set of this collection shares 127 of 127 artists and 214 of 216 albums with "
                "training: take the scores as those of known artists."
            )
        return super().build_manifest()

    def list_tracks(self) -> Sequence[Track]:
        """Return the tracks of training, divided into train and valid, and of the test set."""
        training = [self._track("training", row) for row in self._tracklist("training")]
        test = [self._track(self.test, row) for row in self._tracklist(self.test)]
        return [*hold_out(training, valid=_VALID, seed=_SEED), *test]

    def _track(self, subset: str, row: ListedTrack) -> Track:
        # The anonymous artist_1 is no artist of training.
        artist = f"development {row.artist}" if subset == "development" else row.artist
        listed = f"{subset}/{row.path}"
        path = _RENAMED.get(listed, listed)
        return self.track(
            path,
            "test" if subset == self.test else "",
            [row.genre],
            f"audio/{path}",
            artist=artist,
            album=f"{artist}/{row.album}",
        )

    def _tracklist(self, subset: str) -> list[ListedTrack]:
        advice = (
            f"Unpack all archives of {self.homepage} into one folder and name it: tagbench prepare "
            f"--dataset {self.name} --audio-dir FOLDER"
        )
        if not self.audio_dir:
            raise TagbenchError(
                f"{self.name} cannot be downloaded ({self.access}): checksums of its archives "
                f"are not published. {advice}"
            )
        path: Path = self.audio_root / "metadata" / subset / "tracklist.csv"
        if not path.is_file():
            raise TagbenchError(
                f"There is no {path}. --audio-dir must name the folder that contains both 'audio' "
                f"and 'metadata'. {advice}"
            )
        return read_tracklist(path, subset, self.tags, self.tracklists[subset], advice)
