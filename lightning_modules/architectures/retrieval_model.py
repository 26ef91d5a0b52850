"""`RetrievalModel`: the base class of models that compare songs with the words of tags.

Shapes: B windows, W windows of a batch, N tracks, C tags, E values of an embedding.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.base import Batch
from datamodules.common.errors import TagbenchError
from datamodules.common.parameters import check_minimum
from datamodules.common.seeding import rng_for
from lightning_modules.base import BaseOptions, TaggingModule, batch_inputs
from lightning_modules.inputs import windows_per_pass
from lightning_modules.layers.fused_batchnorm import BatchNorm1d
from lightning_modules.training.track_metrics import track_means

WON2020_RETRIEVAL = """@inproceedings{won2021multimodal,
  title={Multimodal metric learning for tag-based music retrieval},
  author={Won, Minz and Oramas, Sergio and Nieto, Oriol and Gouyon, Fabien and Serra, Xavier},
  booktitle={Proc. IEEE International Conference on Acoustics, Speech and Signal Processing},
  year={2021}}"""

HIDDEN, EMBEDDING = 512, 256
_WINDOWS_PER_PASS = 32  # rows of a view are small, and the first maps of the network large
_LARGEST_COSINE = 1 - 1e-6  # the logit of 1 is infinite


class RetrievalModel(TaggingModule):
    """Maps songs and the word vectors of tags to one space, and scores a tag by their cosine.

    A network maps the word vector of a tag to ``EMBEDDING`` values, and a subclass those of a song.
    The score of a tag is their cosine similarity. The logit is ``2 artanh(cosine)``, so that the
    probability of a multi-label task is ``(cosine + 1) / 2``: a monotone map, which changes no
    ranking and no ROC-AUC or average precision. A track has the mean embedding of its windows.

    The outputs are the C tags of the corpus, whose word vectors are a buffer of the model. The
    stage `Triplet` sets it; before that, they are random vectors of the tag's position. A tag that
    no training track has is scored like any other.

    Args:
        word_size: Values of a word vector: 300 in the paper, 384 of the sentence encoder.
        **base: See ``TaggingModule``.
    """

    custom_aggregate: ClassVar[bool] = True
    default_stage: ClassVar[str] = "lightning_modules.stages.triplet.Triplet"
    bibtex: ClassVar[str] = WON2020_RETRIEVAL

    word_vectors: Tensor

    def __init__(self, *, word_size: int = 300, **base: Unpack[BaseOptions]) -> None:
        super().__init__(**base)
        check_minimum(1, word_size=word_size)
        self.fc1 = nn.Linear(word_size, HIDDEN)
        self.bn1 = BatchNorm1d(HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, EMBEDDING)
        self.dropout = nn.Dropout(0.5)
        words = rng_for("unfitted words").standard_normal((self.n_tags, word_size))
        self.register_buffer("word_vectors", torch.from_numpy(words).float())

    @abstractmethod
    def encode(self, inputs: Tensor) -> Tensor:
        """Map windows (B, ...) to what is averaged over the windows of a track (B, D)."""

    def song(self, encoded: Tensor) -> Tensor:
        """Map means of `encode` over windows (N, D) to embeddings (N, E), by default themselves."""
        return encoded

    def embed_words(self, words: Tensor) -> Tensor:
        """Map word vectors (B, word_size) to embeddings (B, E)."""
        embedding: Tensor = self.fc2(self.dropout(self.bn1(self.fc1(words)).relu()))
        return embedding

    def embed(self, audio: Tensor) -> Tensor:
        """Map windows (B, ...) to embeddings of songs (B, E)."""
        return self.song(self.encode(audio))

    @property
    def classifier(self) -> nn.Linear:
        """There is none.

        Raises:
            TagbenchError: Always.
        """
        raise TagbenchError(
            f"{type(self).__name__} has no linear layer that computes logits: they are cosine "
            "similarities. Use another model as encoder, or as the one to fine-tune."
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Map windows (B, ...), each a song of its own, to logits (B, C)."""
        return self.song_logits(self.embed(inputs))

    def song_logits(self, songs: Tensor) -> Tensor:
        """Map embeddings of songs (B, E) to logits (B, C)."""
        tags = F.normalize(self.embed_words(self.word_vectors).float(), dim=1)
        cosine = F.normalize(songs.float(), dim=1) @ tags.T
        return 2 * torch.atanh(cosine.clamp(-_LARGEST_COSINE, _LARGEST_COSINE))

    def window_outputs(self, inputs: Tensor) -> Tensor:
        """Map windows (B, ...) to `encode` of them (B, D)."""
        return self.encode(inputs)

    def aggregate(self, outputs: Tensor, track_index: Tensor, n_tracks: int) -> Tensor:
        """Return the probabilities (N, C) of tracks, by the mean over their windows (W, D)."""
        songs = self.song(track_means(outputs, track_index, n_tracks))
        return self.probabilities(self.song_logits(songs))

    def evaluate_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss (N,) and the probabilities (N, C) of each track.

        The loss is that of the tags that validation scores.
        """
        inputs, targets = batch_inputs(batch), batch["targets"]
        rows = min(_WINDOWS_PER_PASS, windows_per_pass(inputs[0].numel()))
        outputs = torch.cat([self.encode(windows) for windows in torch.split(inputs, rows)])
        songs = self.song(track_means(outputs, batch["track_index"], len(targets)))
        logits = self.song_logits(songs)
        columns = slice(None) if self.validated_tags is None else self.validated_tags
        losses = self.losses(logits[:, columns], targets[:, columns])
        return losses, self.probabilities(logits)
