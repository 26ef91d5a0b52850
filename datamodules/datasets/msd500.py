"""MSD500: tracks of the Million Song Dataset for retrieval by tags (Won et al., 2021)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Unpack

from datamodules.annotations.msd_audio_layout import detect, track_finder
from datamodules.annotations.msd_metadata_db import DATABASE, read_clip_ids
from datamodules.annotations.msd_retrieval_lists import build_rows
from datamodules.audio.sources import FileSource
from datamodules.base import Loading, TaggingDataModule
from datamodules.common.canonical_json import digest_rows
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import replace_file
from datamodules.common.parameters import check_minimum
from datamodules.corpus.track import Track
from datamodules.published_facts import bibtex


class MSD500(TaggingDataModule):
    """Tracks of the Taste Profile with tags of Last.fm, split by artist.

    Built by the rules of the publication: tracks of the Taste Profile; tags with a score of 50 or
    more; tracks with at most 20 such tags; spellings of a tag as one group
    (`datamodules.labels.tag_lemmas`); groups of 100 tracks or more; of these the ``top``. The split
    is drawn by artist until each split has ``least_positives`` tracks of every tag. The split of
    the publication cannot be drawn again, since its code depends on the order of a set, and its
    groups were corrected by hand: these are other lists of the same kind. With the publisher's
    ``track_tags.tsv``, the groups are the published ones.

    Args:
        lists: Folder of ``lastfm_tags.db``, ``track_metadata.db`` and ``train_triplets.txt`` (also
            ``.gz``) of http://millionsongdataset.com; with ``track_tags.tsv`` of MSD500 in it, only
            that file and ``track_metadata.db`` are read.
        audio_dir: Folder of the clips, see `MillionSongDataset`.
        top: Number of tags; None for all.
        least_positives: Least number of tracks of a tag in a split.
        split_seed: Seed of the split.
        **loading: See `TaggingDataModule`.
    """

    name = "msd500"
    licence: ClassVar[str] = "tags: Last.fm, for research; audio: 7digital, not to be passed on"
    access: ClassVar[str] = "bring your own"
    homepage: ClassVar[str] = "https://github.com/minzwon/tag-based-music-retrieval"
    citation: ClassVar[str] = bibtex("bertinmahieux2011million")

    def __init__(
        self,
        *,
        lists: str,
        audio_dir: str = "",
        top: int | None = None,
        least_positives: int = 5,
        split_seed: int = 0,
        **loading: Unpack[Loading],
    ) -> None:
        super().__init__(**loading)
        check_minimum(1, top=top, least_positives=least_positives)
        self.audio_dir, self.lists = audio_dir, lists
        self.top, self.least_positives, self.split_seed = top, least_positives, split_seed

    @cached_property
    def rows(self) -> list[list[Any]]:
        """Id, split, tags, artist, album and song of each track; kept beside the corpora."""
        folder = Path(self.lists).expanduser()
        files = [file for file in sorted(folder.glob("*")) if file.is_file()]
        states = [[f.name, f.stat().st_size, f.stat().st_mtime_ns] for f in files]
        key = digest_rows(states, self.top, self.least_positives, self.split_seed)[:12]
        kept = self.root / "downloads" / self.name / f"{key}.json"
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            rows = build_rows(folder, self.top, self.least_positives, self.split_seed)
            replace_file(kept, json.dumps(rows).encode())
        content: list[list[Any]] = json.loads(kept.read_text(encoding="utf-8"))
        return content

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags, in alphabetical order."""
        return tuple(sorted({tag for row in self.rows for tag in row[2]}))

    def identity(self) -> Mapping[str, Any]:
        """Return a digest of the lists."""
        return {"tracks": digest_rows(self.rows)}

    def build_manifest(self) -> Sequence[Track]:
        """Return the tracks, whose audio may be missing."""
        if not self.audio_dir:
            raise TagbenchError(
                "The audio of msd500 cannot be downloaded. Name its folder: --audio-dir FOLDER"
            )
        root = Path(self.audio_dir).expanduser()
        clips = Path(self.lists).expanduser() / DATABASE
        ids = [row[0] for row in self.rows]
        find = track_finder(root, detect(root), lambda: read_clip_ids(clips, ids))
        tracks = []
        for track, split, tags, artist, album, song in self.rows:
            path = find(track)
            source = FileSource(root / path, path)
            groups = {"artist": artist, "album": album, "song": song}
            tracks.append(Track(track, split, tuple(tags), source, stamp=source.stamp(), **groups))
        return tracks
