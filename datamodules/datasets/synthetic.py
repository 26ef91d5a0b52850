"""Synthetic corpus: music rendered by this package, with tags that are true by construction.

It needs no download. Use it to check an installation and to study how architectures react to
perturbations; report results on recorded music.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Unpack

from datamodules.base import Loading, TaggingDataModule
from datamodules.common.errors import TagbenchError
from datamodules.corpus.track import Track
from datamodules.labels.perturbed_tags import changes
from datamodules.synthesis.clip_source import ClipSource
from datamodules.synthesis.composition import CLIP_SECONDS
from datamodules.synthesis.factors import factors_for
from datamodules.synthesis.tag_rules import TAGS, tags_of

FEWEST_TRACKS = 30


class Synth(TaggingDataModule):
    """Short polyphonic pieces in six styles, of 29.124 s like the clips of MagnaTagATune.

    With the default size, the splits have 200, 60 and 100 clips, and at least 8 positives and 8
    negatives of each of the 22 tags (`datamodules.synthesis.tag_rules`). The split is a function of
    the index, and clips are independent of each other, so a larger corpus contains the smaller
    ones. The drawn factors are columns of the manifest.

    Args:
        tracks: Number of clips, at least 30.
        synth_seed: Seed of the pieces; the rules are the same for every seed.
        **loading: See `TaggingDataModule`.

    Raises:
        TagbenchError: ``tracks`` is below 30.
    """

    name = "synth"
    revision = 1
    licence = "MIT (rendered by this project)"
    access = "rendered here"
    playable = True
    tags_changed_by = changes(tempo=("slow", "fast"), level=("quiet", "loud"))
    categories: ClassVar = {
        "genre": ("ambient", "classical", "rock", "techno"),
        "instrument": (
            *("beat", "drums", "flute", "guitar", "harpsichord", "organ", "piano", "solo"),
            *("strings", "synth", "violin"),
        ),
        "mood": ("fast", "loud", "quiet", "slow"),
        "voice": ("choir", "no vocals", "vocal"),
    }

    def __init__(
        self, *, tracks: int = 360, synth_seed: int = 0, **loading: Unpack[Loading]
    ) -> None:
        super().__init__(**loading)
        if tracks < FEWEST_TRACKS:
            raise TagbenchError(
                f"Dataset synth, parameter tracks: expected at least {FEWEST_TRACKS}, "
                f"got {tracks}. Set tracks: {FEWEST_TRACKS} or more in its params."
            )
        self.tracks = tracks
        self.synth_seed = synth_seed

    @property
    def tags(self) -> tuple[str, ...]:
        """The 22 tags, in alphabetical order."""
        return TAGS

    def build_manifest(self) -> Sequence[Track]:
        """Return all clips, in the order of their indices."""
        return [self._track(index) for index in range(self.tracks)]

    def _track(self, index: int) -> Track:
        factors = factors_for(self.synth_seed, index)
        return Track(
            track_id=f"synth-{index:06d}",
            split=factors.split,
            tags=tags_of(factors),
            source=ClipSource(self.revision, self.synth_seed, index),
            extra={
                "tempo_bpm": factors.tempo_bpm,
                "key": factors.key,
                "mode": factors.mode,
                "tuning_cents": factors.tuning_cents,
                "instruments": "|".join(factors.instruments),
                "level_dbfs": factors.level_dbfs,
                "style": factors.style,
                "reverb_s": factors.reverb_s,
            },
            seconds=CLIP_SECONDS,
        )
