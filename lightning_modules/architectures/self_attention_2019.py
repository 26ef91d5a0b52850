"""Self-attention tagger of Won et al. 2019, and the convolutional taggers of its comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Unpack

from torch import Tensor, nn

from datamodules.common.errors import TagbenchError
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.frontends.base import HOP
from lightning_modules.frontends.librosa_mel import LibrosaMel
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.attention import AttentionLayer
from lightning_modules.layers.attention_back import MAX_TOKENS, AttentionBack, Positions
from lightning_modules.layers.musicnn_blocks import ConvBack, FilterBankFront
from lightning_modules.layers.sample_level import SampleLevelFront

_WIDTH = 512  # of the tokens

# Audio by front and back end: window, shortest and longest input in samples.
_INPUTS: dict[tuple[str, str], InputSpec] = {
    ("pons", "won"): InputSpec(16000, 256 * HOP, HOP + 1, MAX_TOKENS * HOP - 1),
    ("pons", "pons"): InputSpec(16000, 256 * HOP, 2 * HOP),
    ("lee", "won"): InputSpec(16000, 65610, 3**5, 3**5 * MAX_TOKENS - 3),
    ("lee", "lee"): InputSpec(16000, 65610, 3**10, 2 * 3**10 - 3),
}


class SelfAttention2019(TaggingModule):
    """Front and back end of Won et al. 2019 over 4.1 s of audio.

    The names are those of the reference. Front end ``pons``: the filters of Musicnn on a
    spectrogram of 96 bands. ``lee``: convolutions of length 3 on the waveform. Back end ``won``:
    a two-layer Transformer over frames of 16 ms (``pons``) or 15 ms (``lee``). ``pons`` and ``lee``
    as back end complete the front end to the convolutional tagger that the paper compares with.

    Parameters at 50 tags, with 16 channels (``pons``) or 128 (``lee``): pons_won 6,882,452,
    pons_pons 5,926,424, lee_won 8,056,242, lee_lee 2,608,306. The published weights of pons_won
    have 8 channels and learned positions: 6,878,308.

    Of a spectrogram, the last frame is dropped: it is centred at the end of the window. lee_lee
    pools to one point, which leaves out the last tenth of the window of the reference.

    Args:
        front: Front end.
        back: Back end, ``won`` or the name of the front end.
        n_channels: Filters of the first layer; later layers have multiples of it.
        positions: Positions of the Transformer's tokens.
        **base: See ``TaggingModule``.
    """

    front_end: FilterBankFront | SampleLevelFront
    back_end: AttentionBack | ConvBack | nn.Flatten
    identity: ClassVar[str] = "SelfAttention2019"
    title: ClassVar[str] = "Self-attention 2019"
    paper: ClassVar[str] = "Won et al., 2019 (arXiv:1906.04972)"
    bibtex: ClassVar[str] = """@article{won2019toward,
  title={Toward interpretable music tagging with self-attention},
  author={Won, Minz and Chun, Sanghyuk and Serra, Xavier},
  journal={arXiv preprint arXiv:1906.04972}, year={2019}}"""

    def __init__(
        self,
        *,
        front: Literal["pons", "lee"] = "pons",
        back: Literal["won", "pons", "lee"] = "won",
        n_channels: int = 16,
        positions: Positions = "sinusoidal",
        **base: Unpack[BaseOptions],
    ) -> None:
        super().__init__(**base)
        if front == "pons":
            self.spec = LibrosaMel(sample_rate=16000, bands=96)
            self.front_end = FilterBankFront(n_channels, None if back == "pons" else _WIDTH)
        else:
            self.front_end = SampleLevelFront(n_channels, _WIDTH, to_one_point=back == "lee")
        if back == "won":
            self.back_end = AttentionBack(_WIDTH, positions)
        else:
            self.back_end = ConvBack(29 * n_channels) if back == "pons" else nn.Flatten()
        self.dropout = nn.Dropout(0.5)
        self.dense = nn.Linear(500 if back == "pons" else _WIDTH, self.n_tags)

    @classmethod
    def input_spec(cls, *, front: str = "pons", back: str = "won", **params: Any) -> InputSpec:
        """Return the window of a front end, and the lengths that the back end takes with it.

        Raises:
            TagbenchError: The back end belongs to the other front end.
        """
        if (front, back) not in _INPUTS:
            raise TagbenchError(
                f"{cls.__name__} has no back end {back!r} for the front end {front!r}: expected "
                f"back: won or back: {front}."
            )
        return _INPUTS[front, back]

    @property
    def attentions(self) -> Sequence[AttentionLayer]:
        """Attention layers from the first to the last; none with a convolutional back end."""
        return self.back_end.encoder.attentions if isinstance(self.back_end, AttentionBack) else []

    def tokens(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to the input (B, N, D) of the back end."""
        self.check_length(audio)
        if isinstance(self.front_end, FilterBankFront):
            return self.frames_to_tokens(self.spec(audio)[..., :-1])
        return self.frames_to_tokens(audio[:, None])

    def frames_to_tokens(self, x: Tensor) -> Tensor:
        """Map decibels (B, 1, 96, frames) or audio (B, 1, T) to the input of the back end."""
        x = self.front_end(x).mT  # (B, 256, 512), lee: (B, 270, 512)
        return self.back_end.embed(x) if isinstance(self.back_end, AttentionBack) else x

    def classify(self, tokens: Tensor, first_layer: int = 0) -> Tensor:
        """Map the input (B, N, D) of the back end or of an encoder layer to logits (B, C)."""
        layer = {"first_layer": first_layer} if self.attentions else {}
        return self.dense(self.dropout(self.back_end(tokens, **layer)))

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to logits (B, C)."""
        return self.classify(self.tokens(audio))
