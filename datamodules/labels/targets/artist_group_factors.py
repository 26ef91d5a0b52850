"""Artist group factors of audio: topics of artists from clusters of MFCC frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.common.parameters import check_minimum
from datamodules.corpus.track import Float32
from datamodules.labels.targets.artist_topics import artist_topics
from datamodules.labels.targets.base import Kind, TargetSource, TrainingTracks
from datamodules.views.mfcc import Mfcc

if TYPE_CHECKING:
    from sklearn.cluster import MiniBatchKMeans


@dataclass(frozen=True)
class ArtistGroupFactors(TargetSource):
    """Artist group factors of MFCC frames, or of their first differences (Kim et al. 2018).

    The frames of all training tracks are clustered, an artist is a bag of clusters, and latent
    Dirichlet allocation gives the topics of an artist, which are the target of each of the artist's
    tracks. The defaults are those of the authors' code (github.com/eldrin/Artist-Group-Factor) as
    it runs: its configuration states 25 coefficients of 128 bands, but its extractor does not read
    it. That code draws no seed.

    Args:
        feature: ``mfcc``, or ``dmfcc``: the differences of successive frames.
        coefficients: Cepstral coefficients.
        bands: Mel bands.
        clusters: Clusters of frames.
        factors: Topics.
        tracks_per_step: Tracks whose frames are clustered at a time.
        passes: Passes of the clustering over the tracks.
        seed: Seed of the clustering and of the topics.
    """

    name: ClassVar[str] = "artist_group_factors"
    kind: ClassVar[Kind] = "distribution"

    feature: Literal["mfcc", "dmfcc"] = "mfcc"
    coefficients: int = 13
    bands: int = 40
    clusters: int = 2048
    factors: int = 40
    tracks_per_step: int = 256
    passes: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check_minimum(1, tracks_per_step=self.tracks_per_step, passes=self.passes)
        check_minimum(2, clusters=self.clusters, factors=self.factors)

    @property
    def width(self) -> int:
        """Number of topics."""
        return self.factors

    @property
    def view(self) -> Mfcc:
        """The cepstral coefficients."""
        return Mfcc(coefficients=self.coefficients, bands=self.bands)

    def fit(self, tracks: TrainingTracks) -> Float32:
        """Return the topics of the artist of each track.

        Raises:
            TagbenchError: The first step has fewer frames than clusters.
        """
        clustering = self.cluster(tracks)
        words = np.stack(
            [
                np.bincount(clustering.predict(rows), minlength=self.clusters)
                for rows in self._frames(tracks)
            ]
        )
        return artist_topics(words.astype(np.float64), tracks.artists, self.factors, self.seed)

    def cluster(self, tracks: TrainingTracks) -> MiniBatchKMeans:
        """Return the clustering of the frames of all tracks.

        Raises:
            TagbenchError: The first step has fewer frames than clusters.
        """
        from sklearn.cluster import MiniBatchKMeans

        clustering = MiniBatchKMeans(self.clusters, random_state=self.seed)
        for _ in range(self.passes):
            for block in _blocks(self._frames(tracks), self.tracks_per_step):
                if len(block) < self.clusters and not hasattr(clustering, "cluster_centers_"):
                    raise TagbenchError(
                        f"The target source {self.name!r} cannot find {self.clusters} clusters in "
                        f"{len(block)} frames. Set a smaller number of clusters in its file."
                    )
                clustering.partial_fit(block)
        return clustering

    def _frames(self, tracks: TrainingTracks) -> Iterator[Float32]:
        """Yield the frames of each track (rows, coefficients)."""
        for rows in tracks.rows:
            if self.feature == "mfcc":
                yield rows
            else:
                yield np.diff(rows, axis=0) if len(rows) > 1 else np.zeros_like(rows)


def _blocks(tracks: Iterator[Float32], size: int) -> Iterator[Float32]:
    """Yield the frames of ``size`` tracks at a time (rows, width)."""
    block: list[Float32] = []
    for rows in tracks:
        block.append(rows)
        if len(block) == size:
            yield np.concatenate(block)
            block = []
    if block:
        yield np.concatenate(block)
