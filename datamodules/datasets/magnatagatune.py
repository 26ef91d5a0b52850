"""MagnaTagATune: 29-second clips of Magnatune music with tags from a game (Law et al., 2009)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Literal, Unpack

from datamodules.common.errors import unknown_name
from datamodules.corpus.corpus import Track
from datamodules.download.remote_file import Remote
from datamodules.labels.perturbed_tags import MTAT_CATEGORIES, MTAT_CHANGES
from datamodules.labels.vocabularies import MTAT_TOP50, MTAT_TOP50_LEE
from datamodules.published_dataset import Expected, Published, PublishedOptions

TagSet = Literal["top50", "top50_lee", "top10", "all"]
Clips = Literal["tagged", "all"]

_HOSTS = (
    "https://mirg.city.ac.uk/datasets/magnatagatune/",
    "http://mi.soi.city.ac.uk/datasets/magnatagatune/",
)
# First letter of the folder of a clip; every publication since Dieleman and Schrauwen (2014).
_SPLITS = {"c": "valid", "d": "test", "e": "test", "f": "test"}
_EVERY_CLIP = (18706, 1825, 5329)
_EVERY_DIGEST = "297127fa35037cafa0e9221e040dbfe42bd0df87da21bf26c1e8c2aaf1e1a352"
_TAGS = {"top50": MTAT_TOP50, "top50_lee": MTAT_TOP50_LEE, "top10": MTAT_TOP50[:10]}


def _remote(name: str, sha256: str, size: int | None = None, kind: str = "") -> Remote:
    urls = tuple(host + name for host in _HOSTS)
    return Remote(name, urls, f"sha256:{sha256}", size, kind)


class MagnaTagATune(Published):
    """25,863 clips by 230 artists with 188 tags; by default the 50 most frequent.

    The split goes by folder: ``0`` to ``b`` train, ``c`` valid, ``d`` to ``f`` test. It shares no
    song and no album between splits, but artists: 45 of the 75 test artists are in train too. With
    ``clips: tagged`` it is that of Won et al. (2020), clip by clip; with ``clips: all``, which
    keeps clips that have none of the tags, that of musicnn (Pons et al., 2018).

    Args:
        tag_set: ``top50`` in the order of Won et al. (2020), ``top50_lee`` in that of Lee et al.
            (2017), ``top10``, or ``all`` 188 in the order of the annotation file.
        clips: ``tagged`` leaves out clips without any tag of the set.
        **published: See `Published`.
    """

    name = "mtat"
    release = "magnatagatune 2009"
    licence = "CC BY-NC-SA 1.0 (Magnatune)"
    access = "open"
    homepage = "https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset"
    citation = """@inproceedings{law2009evaluation,
  title = {Evaluation of algorithms using games: The case of music tagging},
  author = {Law, Edith and West, Kris and Mandel, Michael and Bay, Mert and Downie, J. Stephen},
  booktitle = {Proc. of the 10th Int. Society for Music Information Retrieval Conf. (ISMIR)},
  year = {2009}
}"""
    tags_changed_by = MTAT_CHANGES
    categories = MTAT_CATEGORIES
    annotations: ClassVar[Remote] = _remote(
        "annotations_final.csv",
        "99b94e95825d4fa576386a5367b9c96e0ec636e9f9c240aceb492f4728f68c3c",
        21_517_373,
        "text",
    )
    clip_info: ClassVar[Remote] = _remote(
        "clip_info_final.csv",
        "cb6108a10d3a91f0bfd7d2fbec2382559d15f20c8d28093f14e12162a47a3e78",
        8_608_397,
        "text",
    )
    archives = (
        _remote(
            "mp3.zip.001",
            "f857fe185968773058cc71662c2ef5d8f2d4b7338e3c122cfd52f82dcb9760b9",
            kind="zip",
        ),
        _remote("mp3.zip.002", "fc2e1ec441755556ed1398b1808f1b08b6034372f8bc27394510c0c58cdb52ce"),
        _remote("mp3.zip.003", "83a689824c17e82f6eb81cdbc4e4ca239a4cfc1fb41f1a5c80b861caec90450f"),
    )
    joined = True
    about_bytes = 3_030_000_000
    clip_seconds: ClassVar[float] = 29.124
    errata: ClassVar[dict[str, str]] = dict.fromkeys(
        ("35644", "55753", "57881"), "the publisher's file has 0 bytes"
    )
    proofs: ClassVar[dict[tuple[str, str], Expected]] = {
        ("top50", "tagged"): Expected(
            50, 15247, 1529, 4332, hours=170.8,
            digest="1dcd48aeeb0091d189b5be1fb544aa19c2910af53ab2ad6f0bc05147b0b10b30",
        ),
        ("top10", "tagged"): Expected(
            10, 11937, 1266, 3269, hours=133.3,
            digest="b6a3bc9eb299984ad88fda861b9d2c97f0e6272594ed1170ae148b3058461b5b",
        ),
        ("all", "tagged"): Expected(
            188, 15626, 1551, 4462, hours=175.1,
            digest="107aece48bcdb704d6c19d3c9254392889333bbf5a1396f31dafafe99dc8c884",
        ),
        ("top50", "all"): Expected(50, *_EVERY_CLIP, hours=209.2, digest=_EVERY_DIGEST),
        ("top10", "all"): Expected(10, *_EVERY_CLIP, hours=209.2, digest=_EVERY_DIGEST),
        ("all", "all"): Expected(188, *_EVERY_CLIP, hours=209.2, digest=_EVERY_DIGEST),
    }  # fmt: skip

    def __init__(
        self,
        *,
        tag_set: TagSet = "top50",
        clips: Clips = "tagged",
        **published: Unpack[PublishedOptions],
    ) -> None:
        super().__init__(**published)
        if tag_set not in (*_TAGS, "all"):
            raise unknown_name("tag set", tag_set, (*_TAGS, "all"), "mtat: tag_set")
        if clips not in ("tagged", "all"):
            raise unknown_name("choice", clips, ("tagged", "all"), "mtat: clips")
        self.tag_set = tag_set
        self.clips = clips

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags of the set."""
        if self.tag_set in _TAGS:
            return _TAGS[self.tag_set]
        with self.file(self.annotations).open(encoding="ascii", newline="") as lines:
            return tuple(next(csv.reader(lines, delimiter="\t"))[1:-1])

    @property
    def expected(self) -> Expected:
        """What the rule gives on the official annotations."""
        return self.proofs[self.tag_set.removesuffix("_lee"), self.clips]

    def list_tracks(self) -> Sequence[Track]:
        """Apply the rule by folder to the annotated clips."""
        tracks = []
        songs = self._songs()
        with self.file(self.annotations).open(encoding="ascii", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                tags = [tag for tag in self.tags if row[tag] == "1"]
                if not tags and self.clips == "tagged":
                    continue
                path = row["mp3_path"]
                artist, album, number = songs[row["clip_id"]]
                tracks.append(
                    self.track(
                        row["clip_id"],
                        _SPLITS.get(path[0], "train"),
                        tags,
                        path,
                        artist=artist,
                        album=album,
                        song=f"{album}#{number}",
                        seconds=self.clip_seconds,
                    )
                )
        return tracks

    def _songs(self) -> dict[str, tuple[str, str, str]]:
        """Return artist, album and track number by clip; an album is known by its address."""
        with self.file(self.clip_info).open(encoding="ascii", newline="") as lines:
            return {
                row["clip_id"]: (row["artist"], row["url"], row["track_number"])
                for row in csv.DictReader(lines, delimiter="\t")
            }
