"""Retrieval of music by tags from listening vectors."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from torch import Tensor, nn

from datamodules.views.catalogue import joined_view
from lightning_modules.architectures.retrieval_model import EMBEDDING, HIDDEN, RetrievalModel
from lightning_modules.base import BaseOptions
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.fused_batchnorm import BatchNorm1d


class CulturalRetrieval(RetrievalModel):
    """Two dense layers on vectors of tracks, such as factors of play counts; see `RetrievalModel`.

    521,728 parameters with word vectors of 300 values and listening vectors of 200.

    Args:
        views: ``name`` and parameters of each view that is a vector of a track, see
            `datamodules.views.catalogue.joined_view`.
        word_size: See `RetrievalModel`.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "CulturalRetrieval"
    through_view: ClassVar[tuple[str, ...]] = ("views",)
    title: ClassVar[str] = "Retrieval, listening vectors"
    paper: ClassVar[str] = "Won et al., ICASSP 2021, rows Cul-E and Cul-I"

    def __init__(
        self, *, views: list[dict[str, Any]], word_size: int = 300, **base: Unpack[BaseOptions]
    ) -> None:
        super().__init__(word_size=word_size, **base)
        self.cf_fc1 = nn.Linear(joined_view(views).width, HIDDEN)
        self.cf_bn1 = BatchNorm1d(HIDDEN)
        self.cf_fc2 = nn.Linear(HIDDEN, EMBEDDING)

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return the views, of which a track has one row."""
        view = joined_view(params["views"])
        return InputSpec(view.sample_rate, window=1, view=view)

    def encode(self, inputs: Tensor) -> Tensor:
        """Return the vectors (B, D) of rows (B, R, D), which are those of the track."""
        self.check_length(inputs)
        return inputs.mean(1)

    def song(self, encoded: Tensor) -> Tensor:
        """Map vectors (N, D) to embeddings of songs (N, E)."""
        embedding: Tensor = self.cf_fc2(self.dropout(self.cf_bn1(self.cf_fc1(encoded)).relu()))
        return embedding
