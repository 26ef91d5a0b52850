"""Audio source of one track of the genre corpus; it does not import torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from datamodules.common.canonical_json import canonical_json
from datamodules.corpus.track import Float32


@dataclass(frozen=True)
class GenreClipSource:
    """A track of the genre corpus, rendered each time it is read.

    Attributes:
        revision: Revision of the corpus class, which changes when the audio of the tracks does.
        seed: Seed of the corpus.
        index: Index of the track, from 0.
    """

    revision: int
    seed: int
    index: int

    @property
    def label(self) -> str:
        """Name, such as ``"synth_genre/000042"``."""
        return f"synth_genre/{self.index:06d}"

    def sha256(self) -> str:
        """Return the digest of revision, seed and index.

        The samples are not hashed: they may differ in the last bit between processors, which must
        not change the digest of the manifest.
        """
        identity = canonical_json(["synth_genre", self.revision, self.seed, self.index])
        return hashlib.sha256(identity.encode()).hexdigest()

    def read(self, sample_rate: int) -> Float32:
        """Render the track.

        Args:
            sample_rate: Sample rate in Hz.

        Returns:
            Mono float32 of 10 s, of shape (samples,).
        """
        # Imported here: scipy takes a second to import, and listing the tracks does not need it.
        from datamodules.synthesis.genres.render import render_genre_clip

        return render_genre_clip(self.seed, self.index, sample_rate)
