"""What a model sees of a track, and how much of it at once."""

from __future__ import annotations

from dataclasses import dataclass

from datamodules.common.errors import TagbenchError
from datamodules.views.base import View
from datamodules.views.waveform import Waveform

# Bounds the memory of a forward pass without gradients: 9 windows of 29 s, 71 of 3.7 s. The first
# maps of FCN take 45 MB for each window of 29 s.
_VALUES_PER_PASS = 2**22


@dataclass(frozen=True)
class InputSpec:
    """What a configured model sees of a track.

    Attributes:
        sample_rate: Rate in Hz of the audio.
        window: Length of the windows that it is trained and evaluated on: in samples, or in rows of
            the view.
        min_samples: Shortest input that ``forward`` accepts, in the same unit.
        max_samples: Longest input that ``forward`` accepts, None for no limit.
        view: Features that it sees in place of the samples; None for the samples.
    """

    sample_rate: int
    window: int
    min_samples: int = 1
    max_samples: int | None = None
    view: View | None = None

    def __post_init__(self) -> None:
        if self.view is not None and self.view.sample_rate != self.sample_rate:
            raise TagbenchError(
                f"The view {self.view.name!r} takes audio at {self.view.sample_rate} Hz, and the "
                f"model declares {self.sample_rate} Hz."
            )

    @property
    def source(self) -> View:
        """The view, or the samples."""
        return Waveform(self.sample_rate) if self.view is None else self.view

    @property
    def reads_audio(self) -> bool:
        """Whether a perturbation of the audio can change what the model sees."""
        return self.source.reads_audio

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a window: (window,) samples, or (window, width) of the view."""
        return (self.window,) if self.view is None else (self.window, self.view.width)

    @property
    def seconds(self) -> float | None:
        """Duration of a window; None if a row of the view describes a whole track."""
        per_row = self.source.seconds_per_row
        return None if per_row is None else self.window * per_row

    def check_length(self, length: int, name: str) -> None:
        """Check that a model can take an input of this length.

        Args:
            length: Samples, or rows of the view.
            name: Name of the model, for the message.

        Raises:
            TagbenchError: It is shorter than ``min_samples`` or longer than ``max_samples``.
        """
        if length >= self.min_samples and (not self.max_samples or length <= self.max_samples):
            return
        if self.view is not None:
            most = f" to {self.max_samples}" if self.max_samples else " or more"
            raise TagbenchError(
                f"{name} cannot take {length} rows of the view {self.view.name!r}: it expects "
                f"{self.min_samples}{most}. Cut windows of {self.window} rows."
            )
        rate = self.sample_rate
        most = f" to {self.max_samples / rate:.2f} s" if self.max_samples else " or more"
        raise TagbenchError(
            f"{name} cannot take {length / rate:.2f} s of audio: it expects "
            f"{self.min_samples / rate:.2f} s{most}. Cut windows of {self.window} samples."
        )


def windows_per_pass(values: int) -> int:
    """Return how many windows of ``values`` numbers one forward pass without gradients takes."""
    return max(1, _VALUES_PER_PASS // values)
