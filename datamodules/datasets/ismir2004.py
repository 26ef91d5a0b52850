"""ISMIR2004: the genres of whole Magnatune tracks, from the contest of that year."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Unpack

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.corpus.completeness import Expected
from datamodules.corpus.track import Track
from datamodules.labels.stratified_split import hold_out
from datamodules.published_dataset import Published, PublishedOptions
from datamodules.published_facts import bibtex, load_facts

TestSet = Literal["development", "evaluation"]

_TEST_SETS = ("development", "evaluation")
_COLUMNS = {"training": 6, "development": 6, "evaluation": 7}
_VALID, _SEED = 0.15, 0  # the contest has no validation set
_GALILEI = (
    "training/classical/paul_beier/michelagnolo_galilei_sonate_from_il_primo_libro_"
    "{}_di_liuto_(1620)/{}.mp3"
)
# Listed path: path of the file.
_ALIASES = {
    **{
        _GALILEI.format("d'intavolatura", title): _GALILEI.format("d_intavolatura", title)
        for title in (
            "4-passemezzo_and_saltarello",
            "6-sonate_in_c_minor_toccata_corrente_corrente_corrente",
        )
    },
    "evaluation/electronic/strojovna_07/dirnix/5-kruhov\ufffd_objazd.mp3": (
        "evaluation/electronic/strojovna_07/dirnix/05-kruhovy_objazd.mp3"
    ),
}


class Ismir2004(Published):
    """Three sets of 729 tracks, each of one of six classes.

    ``training`` less a seeded 15 % of whole artists trains, and those validate: the contest has no
    validation set. The test is ``development``, as in most of the literature, or ``evaluation``,
    which the contest kept back. ``evaluation`` shares 127 of its 127 artists and 214 of its 216
    albums with training. ``development`` is anonymous: training has 128 artists and 216 albums,
    and it has 128 and 217, very likely the same. Scores are those of known artists.

    The folder of the user holds ``audio`` and ``metadata`` as published at Zenodo.

    Args:
        test: ``development`` or ``evaluation``.
        **published: See `Published`.
    """

    name = "ismir2004"
    task = "singlelabel"
    release = "zenodo 1302992"
    licence = "CC BY-NC-SA 1.0 (Magnatune)"
    access = "bring your own"
    homepage = "https://zenodo.org/record/1302992"
    citation = bibtex("cano2006ismir")
    tracklists: ClassVar[dict[str, str]] = {  # md5 of the publisher's files
        "training": "4acb17cf331e1c0b7270e15a427a5f35",
        "development": "a678e0c0527c97f80fc6434f1ebff053",
        "evaluation": "9555308d7ac89fe310ccb8bb25d6d640",
    }
    proofs: ClassVar[Mapping[str, Expected]] = load_facts("ismir2004").expected

    def __init__(
        self, *, test: TestSet = "development", **published: Unpack[PublishedOptions]
    ) -> None:
        super().__init__(**published)
        if test not in _TEST_SETS:
            raise unknown_name("test set", test, _TEST_SETS, "ismir2004: test")
        self.test = test

    @property
    def tags(self) -> tuple[str, ...]:
        """The classes, in alphabetical order; the contest joined related genres."""
        return ("classical", "electronic", "jazz_blues", "metal_punk", "rock_pop", "world")

    @property
    def expected(self) -> Expected:
        """Counts of the tracklists, with training as it is divided here."""
        return self.proofs[self.test]

    def build_manifest(self) -> Sequence[Track]:
        """Return the published list, proved, with a word about what nobody can count."""
        if self.test == "development":
            self.progress.announce(
                f"{self.name}: the artists of the development set are anonymous. The evaluation "
                "set of this collection shares 127 of 127 artists and 214 of 216 albums with "
                "training: take the scores as those of known artists."
            )
        return super().build_manifest()

    def list_tracks(self) -> Sequence[Track]:
        """Return the tracks of training and test, with validation held out of training."""
        training = [self._track("training", row) for row in self._rows("training")]
        return [
            *hold_out(training, valid=_VALID, seed=_SEED),
            *(self._track(self.test, row) for row in self._rows(self.test)),
        ]

    def _track(self, part: str, row: Sequence[str]) -> Track:
        genre, artist, album = row[:3]
        if part == "development":  # "artist_1" is nobody in training
            artist = f"development {artist}"
        listed = f"{part}/{row[5]}"
        path = _ALIASES.get(listed, listed)
        return self.track(
            path, "test" if part == self.test else "", [genre], f"audio/{path}",
            artist=artist, album=f"{artist}/{album}",
        )  # fmt: skip

    def _rows(self, part: str) -> list[list[str]]:
        """Read a tracklist: class, artist, album, title, number, path[, Magnatune id]."""
        path = self._tracklist(part)
        try:
            rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        except (UnicodeDecodeError, csv.Error) as error:
            raise TagbenchError(f"{path} cannot be read: {error}. {self._advice}") from None
        if rows and rows[0][:1] == ["class"]:  # some copies have a header
            del rows[0]
        for line, row in enumerate(rows, 1):
            if len(row) != _COLUMNS[part] or row[0] not in self.tags:
                raise TagbenchError(
                    f"{path}, track {line}: expected {_COLUMNS[part]} columns, the first a class, "
                    f"found {row}. {self._advice}"
                )
        # The digest of a split says nothing of classes, so the list is proved as well. Written
        # out as the publisher did, since copies differ in quotes and ends of lines.
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        found = hashlib.md5(text.getvalue().encode(), usedforsecurity=False).hexdigest()
        if found != self.tracklists[part]:
            raise TagbenchError(
                f"{path} is not the published list: {len(rows)} tracks, md5 {found}, expected "
                f"{self.tracklists[part]}. {self._advice}"
            )
        return rows

    def _tracklist(self, part: str) -> Path:
        if not self.audio_dir:
            raise TagbenchError(
                f"{self.name} cannot be downloaded ({self.access}): checksums of its archives "
                f"are not known here. {self._advice}"
            )
        path = self.audio_root / "metadata" / part / "tracklist.csv"
        if not path.is_file():
            raise TagbenchError(
                f"There is no {path}. --audio-dir must name the folder that holds both 'audio' "
                f"and 'metadata'. {self._advice}"
            )
        return path

    @property
    def _advice(self) -> str:
        return (
            f"Unpack all archives of {self.homepage} into one folder and name it: tagbench prepare "
            f"--dataset {self.name} --audio-dir FOLDER"
        )
