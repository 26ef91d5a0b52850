"""Audio source of one track of the genre corpus; it does not import torch."""

from __future__ import annotations

from typing import ClassVar

from datamodules.corpus.track import Float32
from datamodules.synthesis.clip_source import RenderedClip


class GenreClipSource(RenderedClip):
    """A track of `datamodules.datasets.synthetic_genre.SynthGenre`, of 10 s."""

    corpus: ClassVar[str] = "synth_genre"

    def read(self, sample_rate: int) -> Float32:
        """Render the track."""
        # Imported here: scipy takes a second to import, and listing the tracks does not need it.
        from datamodules.synthesis.genres.render import render_genre_clip

        return render_genre_clip(self.seed, self.index, sample_rate)
