"""Synthetic genre corpus: music of eight genres rendered by this package, long-tailed.

It needs no download. Use it to check an installation and to study genre classifiers on bags of
tracks, on few training tracks and on perturbed audio; report results on recorded music.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Unpack

from datamodules.base import Loading, TaggingDataModule
from datamodules.corpus.track import Track
from datamodules.synthesis.genres.catalogue import CLIP_SECONDS, GenreClip, catalogue
from datamodules.synthesis.genres.clip_source import GenreClipSource
from datamodules.synthesis.genres.recipes import GENRES


class SynthGenre(TaggingDataModule):
    """Pieces of 10 s in eight genres, by artists with albums.

    The splits have 247, 60 and 112 tracks, and no artist is in two of them. The genres are
    long-tailed: the training split has from 80 tracks of rock to 6 of reggae. Tracks of an artist
    share tempo, instruments and rhythms, and those of an album their room and mastering. About one
    track in five lacks some of its parts, and one in nine borrows a part from another genre
    (`datamodules.synthesis.genres.catalogue`). The drawn factors are columns of the manifest.
    Its column ``sub_genres`` states the genre with each instrument, such as ``jazz with piano``.

    The sample rate is 22,050 Hz, that of the features and architectures for genres.

    Args:
        synth_seed: Seed of the artists and pieces; the rules are the same for every seed.
        **loading: See `TaggingDataModule`.
    """

    name = "synth_genre"
    task = "singlelabel"
    sample_rate = 22050
    revision = 1
    licence = "MIT (rendered by this project)"
    access = "rendered here"
    playable = True
    categories: ClassVar = {"genre": GENRES}

    def __init__(self, *, synth_seed: int = 0, **loading: Unpack[Loading]) -> None:
        super().__init__(**loading)
        self.synth_seed = synth_seed

    @property
    def tags(self) -> tuple[str, ...]:
        """The genres, in alphabetical order."""
        return GENRES

    def build_manifest(self) -> Sequence[Track]:
        """Return the tracks, in the order of their indices."""
        return [self._track(clip) for clip in catalogue(self.synth_seed)]

    def _track(self, clip: GenreClip) -> Track:
        return Track(
            track_id=f"synth_genre-{clip.index:06d}",
            split=clip.artist.split,
            tags=(clip.style,),
            source=GenreClipSource(self.revision, self.synth_seed, clip.index),
            artist=clip.artist.name,
            album=clip.album.name,
            extra={
                "arrangement": clip.arrangement,
                "tempo_bpm": clip.tempo_bpm,
                "meter": clip.meter,
                "swing": clip.artist.swing,
                "key": clip.key,
                "progression": clip.progression,
                "tuning_cents": clip.artist.tuning_cents,
                "instruments": "|".join(clip.instruments),
                "sub_genres": "|".join(f"{clip.style} with {name}" for name in clip.instruments),
                "tilt_db_per_octave": clip.album.tilt_db,
                "level_dbfs": clip.album.level_dbfs,
                "reverb_s": clip.album.reverb_s,
            },
            seconds=CLIP_SECONDS,
        )
