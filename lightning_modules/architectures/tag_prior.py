"""The floor of every leaderboard: the tag frequencies of the training split, for any audio."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch
from torch import Tensor

from lightning_modules.base import BaseOptions, TaggingModule


class TagPrior(TaggingModule):
    """Predict each tag's training frequency and ignore the audio.

    Its macro ROC-AUC is 0.5 and its PR-AUC the mean frequency; a trained model that stays near
    it has learned nothing.
    """

    identity: ClassVar[str] = "TagPrior"
    learns: ClassVar[bool] = False
    title: ClassVar[str] = "Tag prior"
    paper: ClassVar[str] = "The constant predictor; no paper."
    bibtex: ClassVar[str] = ""

    prior: Tensor

    def __init__(self, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        self.register_buffer("prior", torch.zeros(self.n_tags))  # logits (C,)

    def fit_priors(self, counts: Tensor, total: int) -> None:
        """Set the logits whose probabilities are ``counts / total``.

        A tag on no track or on all of them is taken for half a track off, to stay finite.
        """
        frequency = (counts.double() / total).clamp(0.5 / total, 1 - 0.5 / total)
        logits = frequency.logit() if self.task == "multilabel" else frequency.log()
        self.prior.copy_(logits)

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to the same logits (B, C) whatever it holds."""
        return self.prior.expand(len(audio), -1)
