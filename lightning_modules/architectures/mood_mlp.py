"""Moods, or any tags, from vectors of tracks."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from torch import Tensor

from datamodules.common.parameters import check_minimum
from datamodules.views.catalogue import joined_view
from lightning_modules.base import BaseOptions, TaggingModule
from lightning_modules.inputs import InputSpec
from lightning_modules.layers.heads.moods import MoodLayers

PAPER = "Korzeniowski et al., ISMIR 2020"
BIBTEX = """@inproceedings{korzeniowski2020mood,
  title={Mood classification using listening data},
  author={Korzeniowski, Filip and Nieto, Oriol and McCallum, Matthew C. and Won, Minz
    and Oramas, Sergio and Schmidt, Erik M.},
  booktitle={Proc. ISMIR}, year={2020}}"""


class MoodMlp(MoodLayers, TaggingModule):
    """Perceptron on one or more views of a track, such as its listening vector.

    With 200 values and 188 moods it has the 47,373,759 parameters of the publication, which counts
    mean and standard deviation of the input; training changes 47,373,359 of them. The layers have
    3,909 units for listening vectors and 3,933 for embeddings of audio.

    Args:
        views: ``name`` and parameters of each view, see `datamodules.views.catalogue.joined_view`.
            Several are joined: the values of the first are followed by those of the others.
        units: Units of each hidden layer.
        **base: See ``TaggingModule``.
    """

    identity: ClassVar[str] = "MoodMlp"
    through_view: ClassVar[tuple[str, ...]] = ("views",)
    default_stage: ClassVar[str] = "lightning_modules.stages.standardised.Standardised"
    title: ClassVar[str] = "Mood MLP"
    paper: ClassVar[str] = PAPER
    bibtex: ClassVar[str] = BIBTEX

    def __init__(
        self, *, views: list[dict[str, Any]], units: int = 3909, **base: Unpack[BaseOptions]
    ) -> None:
        super().__init__(**base)
        check_minimum(1, units=units)
        self.build_layers(joined_view(views).width, units, self.n_tags)

    @classmethod
    def input_spec(cls, **params: Any) -> InputSpec:
        """Return the views; each of their rows is a window."""
        view = joined_view(params["views"])
        return InputSpec(view.sample_rate, window=1, view=view)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (B, R, D) to logits (B, C), those of the mean row."""
        return self.logits_of(rows.mean(1))
