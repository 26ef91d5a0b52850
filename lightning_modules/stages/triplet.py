"""Metric learning between the words of tags and songs, by triplets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from datamodules.labels.tag_subset import TagSubset, choose_tags
from datamodules.labels.words.source import SENTENCE_ENCODER, WordSource, open_words
from lightning_modules.base import TaggingModule, batch_inputs
from lightning_modules.stages.base import Batches, GradientStage, Parents
from lightning_modules.stages.training_data import TrainingData
from lightning_modules.training.gathered import interleaved
from lightning_modules.training.triplet import choose_negatives, hardness, triplet_losses

Sampling = Literal["random", "balanced", "balanced_weighted"]


@runtime_checkable
class WordModel(Protocol):
    """A model that scores tags by their word vectors."""

    word_vectors: Tensor
    """Word vectors (C, size) of the tags."""

    @abstractmethod
    def embed_words(self, words: Tensor) -> Tensor:
        """Map word vectors (B, size) to embeddings (B, E)."""


class Triplet(GradientStage):
    """Make the embedding of a tag more similar to songs that have it than to songs that do not.

    Won et al., "Multimodal metric learning for tag-based music retrieval", ICASSP 2021. Each draw
    of a batch is a tag (the anchor) and a song that has it; its negative is a song of the batch
    that lacks the tag. An anchor whose tag all songs of the batch have contributes nothing. The
    number of draws in an epoch is the ``draws`` of the recipe, by default one for each training
    track. Validation scores the trained tags only, so that the others do not select the epoch.

    Args:
        words: Source of the word vectors: ``sentence_encoder``, or a file; see `open_words`.
        sampling: ``random``: a song, then one of its tags. ``balanced``: the tags in turn, then a
            song that has the tag. Both take each negative with equal probability.
            ``balanced_weighted``: like ``balanced``, but the probability of a negative is
            proportional to (cosine + 1) / 2 of the present embeddings, so that songs that are
            confused with the tag are taken more often.
        margin: Least difference of the cosine similarities without loss.
        trained_tags: Tags that are trained on: a named list, a share of the tags of the dataset, or
            tags; see `choose_tags`. None for all. The model scores the others too.
        parents: None are needed.
    """

    identity: ClassVar[str] = "Triplet"
    title: ClassVar[str] = "triplets"

    def __init__(
        self,
        *,
        words: str = SENTENCE_ENCODER,
        sampling: Sampling = "balanced_weighted",
        margin: float = 0.4,
        trained_tags: TagSubset = None,
        parents: Parents,
    ) -> None:
        super().__init__(parents=parents)
        if not 0 < margin <= 2:
            raise TagbenchError(
                f"Stage Triplet: margin: expected a value above 0 and up to 2, got {margin}."
            )
        self.words, self.sampling, self.margin = words, sampling, margin
        self.subset = trained_tags
        self.draws: int | None = None
        self.anchors: tuple[int, ...] = ()

    @classmethod
    def track_limit(
        cls, params: Mapping[str, Any], n_tracks: Callable[[str | None], int]
    ) -> int | None:
        """Return None: tracks are drawn with replacement."""
        return None

    @classmethod
    def files(cls, params: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        """Return what identifies the word vectors."""
        return {"words": open_words(params["words"]).identity()}

    def prepare(self, model: TaggingModule, data: TrainingData) -> None:
        """Set the word vectors of the model, and choose the tags that are trained on.

        Raises:
            TagbenchError: The model does not score words, or takes vectors of another size.
        """
        corpus = data.labelled.corpus
        counts = corpus.targets("train").sum(axis=0)
        chosen = set(choose_tags(self.subset, corpus.tags))
        self.anchors = tuple(
            at for at, tag in enumerate(corpus.tags) if tag in chosen and counts[at]
        )
        if not self.anchors:
            raise TagbenchError("Stage Triplet: trained_tags: no training track has such a tag.")
        if len(self.anchors) < len(corpus.tags):
            self.trained_tags = tuple(corpus.tags[at] for at in self.anchors)
            model.validated_tags = list(self.anchors)
        self.draws = model.recipe.draws
        set_words(model, open_words(self.words), corpus.tags)

    def loaders(self, data: TrainingData) -> Mapping[str, DataLoader[Batch]]:
        """Return batches of songs, each of which was drawn for one of its tags."""
        balanced = self.sampling != "random"
        loader = data.labelled.triplets(self.anchors, draws=self.draws, balanced=balanced)
        return {"triplets": loader}

    def loss(self, model: TaggingModule, batches: Batches) -> Mapping[str, Tensor]:
        """Return the mean loss of the triplets, and the share of them whose loss is above 0."""
        if not isinstance(model, WordModel):
            raise TypeError(type(model).__name__)  # `prepare` has checked it
        batch = batches["triplets"]
        anchors = batch["anchors"]
        tags = model.embed_words(model.word_vectors[anchors])  # (W, E)
        songs: Tensor = model.embed(batch_inputs(batch))
        everyone = interleaved(songs)  # the songs of all processes
        has_tag = interleaved(batch["targets"][batch["track_index"]]) > 0
        weights = None
        if self.sampling == "balanced_weighted":
            weights = hardness(tags.detach(), everyone.detach())
        negatives = choose_negatives(~has_tag[:, anchors].T, weights, batch["uniforms"])
        counted = (negatives >= 0).float()
        losses = triplet_losses(tags, songs, everyone[negatives.clamp_min(0)], self.margin)
        total = counted.sum().clamp_min(1)
        return {
            "loss": (losses * counted).sum() / total,
            "violations": ((losses.detach() > 0) * counted).sum() / total,
        }


def set_words(model: TaggingModule, words: WordSource, tags: tuple[str, ...]) -> None:
    """Set the word vectors of the tags of a model.

    Raises:
        TagbenchError: The model does not score words, or takes vectors of another size.
    """
    if not isinstance(model, WordModel):
        raise TagbenchError(
            "The stage Triplet trains models that score words, such as "
            "lightning_modules.architectures.audio_retrieval.AudioRetrieval, got "
            f"{type(model).__name__}."
        )
    vectors = torch.from_numpy(np.ascontiguousarray(words.vectors(tags)))
    if vectors.shape != model.word_vectors.shape:
        raise TagbenchError(
            f"The word vectors of {words.name} have {vectors.shape[1]} values, and the model takes "
            f"{model.word_vectors.shape[1]}. Set word_size: {vectors.shape[1]} in its params."
        )
    model.word_vectors.copy_(vectors)
