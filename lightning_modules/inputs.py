"""Audio that a model takes, and how much of it at once."""

from __future__ import annotations

from dataclasses import dataclass

from datamodules.common.errors import TagbenchError

# Bounds the memory of a forward pass without gradients: 9 windows of 29 s, 71 of 3.7 s. The first
# maps of FCN take 45 MB for each window of 29 s.
_SAMPLES_PER_PASS = 2**22


@dataclass(frozen=True)
class InputSpec:
    """Audio that a configured model takes.

    Attributes:
        sample_rate: Rate in Hz.
        window: Length in samples of the windows that it is trained and evaluated on.
        min_samples: Shortest input that ``forward`` accepts.
        max_samples: Longest input that ``forward`` accepts, None for no limit.
    """

    sample_rate: int
    window: int
    min_samples: int = 1
    max_samples: int | None = None

    def check_length(self, samples: int, name: str) -> None:
        """Check that a model can take audio of this length.

        Args:
            samples: Length of the audio.
            name: Name of the model, for the message.

        Raises:
            TagbenchError: It is shorter than ``min_samples`` or longer than ``max_samples``.
        """
        if samples >= self.min_samples and (not self.max_samples or samples <= self.max_samples):
            return
        rate = self.sample_rate
        most = f" to {self.max_samples / rate:.2f} s" if self.max_samples else " or more"
        raise TagbenchError(
            f"{name} cannot take {samples / rate:.2f} s of audio: it expects "
            f"{self.min_samples / rate:.2f} s{most}. Cut windows of {self.window} samples."
        )


def windows_per_pass(samples: int) -> int:
    """Return how many windows of ``samples`` samples one forward pass without gradients takes."""
    return max(1, _SAMPLES_PER_PASS // samples)
