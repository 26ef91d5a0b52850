"""Audio sources of synthetic clips. Worker processes import them, so they do not import torch."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from datamodules.common.canonical_json import canonical_json
from datamodules.corpus.track import Float32


@dataclass(frozen=True)
class RenderedClip(ABC):
    """A clip of an embedded corpus, rendered each time it is read.

    Attributes:
        corpus: Name of the corpus, part of the digest.
        revision: Revision of the corpus class, which changes when the audio of the clips does.
        seed: Seed of the corpus.
        index: Index of the clip, from 0.
    """

    corpus: ClassVar[str]

    revision: int
    seed: int
    index: int

    @property
    def label(self) -> str:
        """Name, such as ``"synth/000042"``."""
        return f"{self.corpus}/{self.index:06d}"

    def sha256(self) -> str:
        """Return the digest of corpus, revision, seed and index.

        The samples are not hashed: they may differ in the last bit between processors, which must
        not change the digest of the manifest.
        """
        identity = canonical_json([self.corpus, self.revision, self.seed, self.index])
        return hashlib.sha256(identity.encode()).hexdigest()

    @abstractmethod
    def read(self, sample_rate: int) -> Float32:
        """Render the clip.

        Args:
            sample_rate: Sample rate in Hz.

        Returns:
            Mono float32 of shape (samples,).
        """


class ClipSource(RenderedClip):
    """A clip of `datamodules.datasets.synthetic.Synth`, of 29.124 s."""

    corpus: ClassVar[str] = "synth"

    def read(self, sample_rate: int) -> Float32:
        """Render the clip."""
        # Imported here: scipy takes a second to import, and listing the clips does not need it.
        from datamodules.synthesis.render import render_clip

        return render_clip(self.seed, self.index, sample_rate)
