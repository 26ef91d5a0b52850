"""Synthetic corpus: music rendered by this package, with tags that are true by construction.

It needs no download. Use it to check an installation and to study how architectures react to
perturbations; report results on recorded music.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

from datamodules.base import Loading, TaggingDataModule
from datamodules.common.errors import TagbenchError
from datamodules.common.parameters import check_minimum
from datamodules.corpus.track import UNLABELLED, Track
from datamodules.labels.perturbed_tags import changes
from datamodules.synthesis.clip_source import ClipSource
from datamodules.synthesis.composition import CLIP_SECONDS
from datamodules.synthesis.factors import factors_for, track_name
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
        most_training: Keep the first clips of the training split only; None keeps all.
        labelled: Whether the clips have tags; without them, all are in the split ``unlabelled``.
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
        self,
        *,
        tracks: int = 360,
        synth_seed: int = 0,
        most_training: int | None = None,
        labelled: bool = True,
        **loading: Unpack[Loading],
    ) -> None:
        super().__init__(**loading)
        if tracks < FEWEST_TRACKS:
            raise TagbenchError(
                f"Dataset synth, parameter tracks: expected at least {FEWEST_TRACKS}, "
                f"got {tracks}. Set tracks: {FEWEST_TRACKS} or more in its params."
            )
        check_minimum(1, most_training=most_training)
        self.tracks = tracks
        self.synth_seed = synth_seed
        self.most_training = most_training
        self.labelled = labelled

    @property
    def tags(self) -> tuple[str, ...]:
        """The 22 tags, in alphabetical order; none without labels."""
        return TAGS if self.labelled else ()

    def identity(self) -> Mapping[str, Any]:
        """Return the parameters, without those that were added later and have their defaults."""
        added = {"most_training": None, "labelled": True}
        return {
            name: value
            for name, value in super().identity().items()
            if name not in added or value != added[name]
        }

    def build_manifest(self) -> Sequence[Track]:
        """Return the clips, in the order of their indices."""
        tracks = [self._track(index) for index in range(self.tracks)]
        training = [track.track_id for track in tracks if track.split == "train"]
        left_out = set() if self.most_training is None else set(training[self.most_training :])
        return [track for track in tracks if track.track_id not in left_out]

    def _track(self, index: int) -> Track:
        factors = factors_for(self.synth_seed, index)
        return Track(
            track_id=track_name(index),
            split=factors.split if self.labelled else UNLABELLED,
            tags=tags_of(factors) if self.labelled else (),
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
