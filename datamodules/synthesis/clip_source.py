"""One clip as a source of audio. Workers import this, so it stays free of torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from datamodules.common.canonical_json import canonical_json
from datamodules.corpus.track import Float32


@dataclass(frozen=True)
class ClipSource:
    """Clip ``index`` of the corpus with this seed, rendered whenever it is read.

    Attributes:
        revision: Of the corpus class; it changes whenever the clips sound different.
        seed: Of the corpus.
        index: Number of the clip, from 0.
    """

    revision: int
    seed: int
    index: int

    @property
    def label(self) -> str:
        """``synth/`` and the index."""
        return f"synth/{self.index:06d}"

    def sha256(self) -> str:
        """Return the digest of what determines the clip.

        The samples are not hashed: they may differ in the last bit between processors, and the
        digest of the manifest must not.
        """
        identity = canonical_json(["synth", self.revision, self.seed, self.index])
        return hashlib.sha256(identity.encode()).hexdigest()

    def read(self, sample_rate: int) -> Float32:
        """Render the clip: float32 of shape (29.124 s,)."""
        # Here, because scipy takes a second to import and listing the clips does not need it.
        from datamodules.synthesis.render import render_clip

        return render_clip(self.seed, self.index, sample_rate)
