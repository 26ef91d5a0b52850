"""Time-frequency front ends on nnAudio: audio in, decibel maps out.

A front end is chosen in a model's YAML by name, ``frontend: log_mel``, or with options,
``frontend: {name: log_mel, trainable: true}``. All of them give maps of the same size, so that
any image model can be trained on any of them.

They run in float32 even under autocast: three digits of bfloat16 would drown quiet partials.
What is not learned is rebuilt at construction and stays out of checkpoints.
"""

from __future__ import annotations

import inspect
import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from nnAudio.features import STFT, CQT1992v2, MelSpectrogram
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.common.errors import TagbenchError, unknown_name

Options = str | Mapping[str, str | int | float | bool]

N_FFT = 512
HOP = 256
FLOOR = 1e-10  # smallest power: silence is exactly -100 dB


class FrontEnd(nn.Module):
    """Audio (B, T) to a decibel map (B, channels, bands, 1 + T // hop).

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Rows of the map.

    Attributes:
        name: The name a YAML gives.
        channels: Maps per window: 1 but for the harmonic front end.
        hop: Samples from one frame to the next.
        reach: Samples that the first frame reflects at each end; audio must be longer.
    """

    name: ClassVar[str]
    channels: int = 1
    hop: ClassVar[int] = HOP
    reach: int = N_FFT // 2

    def __init__(self, *, sample_rate: int, bands: int) -> None:
        super().__init__()
        self.sample_rate, self.bands = sample_rate, bands

    @abstractmethod
    def power(self, audio: Tensor) -> Tensor:
        """Map float32 audio (B, T) to power (B, channels, bands, frames)."""

    def forward(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to decibels, 10 log10(max(power, 1e-10)), without a top_db clip.

        A clip relative to the loudest bin would make a window depend on its batch.

        Raises:
            TagbenchError: The audio is too short to reflect.
        """
        if audio.shape[-1] <= self.reach:
            raise TagbenchError(
                f"The {self.name} front end cannot take {audio.shape[-1]} samples of audio: it "
                f"expects more than {self.reach}."
            )
        with torch.autocast(audio.device.type, enabled=False):
            return self.power(audio.float()).clamp_min(FLOOR).log10() * 10.0


class LogMel(FrontEnd):
    """Log-mel map of Won et al. 2020: HTK scale, triangles of peak 1, 0 Hz to Nyquist.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Mel bands.
        trainable: Learn the Fourier kernels and the mel triangles.
    """

    name = "log_mel"

    def __init__(self, *, sample_rate: int, bands: int, trainable: bool = False) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands)
        self.trainable = trainable
        self.mel = MelSpectrogram(
            sr=sample_rate,
            n_fft=N_FFT,
            hop_length=HOP,
            n_mels=bands,
            htk=True,
            norm=None,
            trainable_mel=trainable,
            trainable_STFT=trainable,
            verbose=False,
        )
        _forget_buffers(self)
        _use_torch_window(self.mel.stft)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to mel power (B, 1, bands, frames)."""
        if self.trainable:
            return self.mel(audio)[:, None]  # nnAudio's own way, through its kernels
        spectrum = stft_power(self.mel.stft, audio)  # (B, frames, 257)
        return (spectrum @ self.mel.mel_basis.T).transpose(1, 2)[:, None]


class LinearSTFT(FrontEnd):
    """Spectrogram whose bands are spaced evenly from 0 Hz to Nyquist.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Frequency bands.
        trainable: Learn the Fourier kernels.
    """

    name = "stft"

    def __init__(self, *, sample_rate: int, bands: int, trainable: bool = False) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands)
        self.stft = STFT(
            n_fft=N_FFT,
            hop_length=HOP,
            freq_bins=bands,
            freq_scale="linear",
            fmin=0,
            fmax=sample_rate / 2,
            sr=sample_rate,
            trainable=trainable,
            verbose=False,
        )
        _forget_buffers(self)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to power (B, 1, bands, frames)."""
        spectrum = self.stft(audio, output_format="Complex")  # (B, bands, frames, 2)
        return spectrum.square().sum(-1)[:, None]


class ConstantQ(FrontEnd):
    """Constant-Q map of the eight octaves below Nyquist, scaled as librosa scales it.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Frequency bands, a multiple of 8: bands / 8 to the octave.
        trainable: Learn the kernels.
    """

    name = "cqt"

    def __init__(self, *, sample_rate: int, bands: int, trainable: bool = False) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands)
        if bands % 8:
            raise TagbenchError(f"The cqt front end needs bands for 8 octaves, got {bands}.")
        self.cqt = CQT1992v2(
            sr=sample_rate,
            hop_length=HOP,
            fmin=sample_rate / 2**9,
            n_bins=bands,
            bins_per_octave=bands // 8,
            trainable=trainable,
            verbose=False,
        )
        self.reach = self.cqt.kernel_width // 2
        _forget_buffers(self)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to power (B, 1, bands, frames)."""
        spectrum = self.cqt(audio, output_format="Complex")  # (B, bands, frames, 2)
        return spectrum.square().sum(-1)[:, None]


class Harmonic(FrontEnd):
    """Six maps that show the harmonics of each pitch at the same place (Won et al. 2020).

    A triangular filter sits at each multiple of each pitch from C1 (32.7 Hz) to the note whose
    sixth harmonic is nearest Nyquist (E6 at 16 kHz), as wide as the ear's at that frequency:
    (0.1079 f + 24.7) / Q, in Hz. Data-driven harmonic filters, ICASSP 2020, equations 1 to 4.

    Args:
        sample_rate: Rate of the audio in Hz.
        bands: Pitches, 128 in the paper: two to the semitone.
        harmonics: Harmonics, the fundamental included.
        trainable: Learn Q, one number for all filters.
    """

    name = "harmonic"
    centres: Tensor
    bins: Tensor

    def __init__(
        self, *, sample_rate: int, bands: int, harmonics: int = 6, trainable: bool = True
    ) -> None:
        super().__init__(sample_rate=sample_rate, bands=bands)
        self.channels = harmonics
        self.spec = STFT(n_fft=N_FFT, hop_length=HOP, sr=sample_rate, verbose=False)
        highest = round(69 + 12 * math.log2(sample_rate / (2 * harmonics) / 440))  # MIDI note
        notes = torch.linspace(24, highest, bands + 1, dtype=torch.float64)[:-1]
        pitches = 440 * 2 ** ((notes - 69) / 12)
        centres = torch.arange(1, harmonics + 1)[:, None] * pitches  # (harmonics, bands), Hz
        self.register_buffer("centres", centres.flatten().float())
        self.register_buffer("bins", torch.linspace(0, sample_rate / 2, N_FFT // 2 + 1)[:, None])
        _forget_buffers(self)
        _use_torch_window(self.spec)
        self.bw_Q = nn.Parameter(torch.ones(1), requires_grad=trainable)

    def filters(self) -> Tensor:
        """Return the triangles (257, harmonics * bands)."""
        width = (0.1079 * self.centres + 24.7) / self.bw_Q
        offset = 2 * (self.bins - self.centres) / width
        return (1 - offset.abs()).clamp_min(0)

    def power(self, audio: Tensor) -> Tensor:
        """Map audio (B, T) to power (B, harmonics, bands, frames)."""
        spectrum = stft_power(self.spec, audio) @ self.filters()  # (B, frames, harmonics * bands)
        maps = spectrum.reshape(*spectrum.shape[:2], self.channels, self.bands)
        return maps.permute(0, 2, 3, 1)


def stft_power(stft: STFT, audio: Tensor) -> Tensor:
    """Return the power spectrum (B, frames, bins) that ``stft`` defines, by FFT.

    nnAudio convolves with all Fourier kernels, which is what makes them learnable. Fixed
    kernels of a full spectrum are the DFT times the window: the FFT gives the same numbers in
    half the time.
    """
    half = stft.n_fft // 2
    padded = F.pad(audio[:, None], (half, half), mode="reflect")[:, 0]
    frames = padded.unfold(1, stft.n_fft, stft.stride)  # (B, frames, n_fft)
    spectrum = torch.fft.rfft(frames * stft.window_mask.flatten())
    return torch.view_as_real(spectrum).square().sum(-1)


def build(options: Options, *, sample_rate: int, bands: int, fits: range) -> FrontEnd:
    """Make the front end that a YAML asks for.

    Args:
        options: Its name, or a mapping of ``name`` and its own options.
        sample_rate: Rate of the audio in Hz.
        bands: Rows of the map.
        fits: Numbers of rows that the layers to follow can take.

    Raises:
        TagbenchError: The name, an option or the number of bands is not valid.
    """
    if bands not in fits:
        raise TagbenchError(
            f"The layers of this model cannot take {bands} frequency bands: "
            f"n_mels must be from {fits.start} to {fits.stop - 1}."
        )
    chosen = {"name": options} if isinstance(options, str) else dict(options)
    name = str(chosen.pop("name", "log_mel"))
    classes = {cls.name: cls for cls in FrontEnd.__subclasses__()}
    if name not in classes:
        raise unknown_name("front end", name, classes, "frontend.name")
    cls = classes[name]
    valid = set(inspect.signature(cls).parameters) - {"sample_rate", "bands"}
    for option in chosen:
        if option not in valid:
            raise unknown_name(f"option of front end {name!r}:", option, valid, "frontend")
    return cls(sample_rate=sample_rate, bands=bands, **chosen)


def _forget_buffers(module: nn.Module) -> None:
    """Keep constant buffers out of state dicts."""
    for child in module.modules():
        for name, value in list(child.named_buffers(recurse=False)):
            delattr(child, name)
            child.register_buffer(name, value, persistent=False)


def _use_torch_window(stft: STFT) -> None:
    """Put in the window of the published weights: torch's, off nnAudio's in the last digit.

    Between the partials of a pure tone that digit is all there is, and moves an output by 2e-4.
    """
    stft.window_mask.copy_(torch.hann_window(N_FFT).view_as(stft.window_mask))
