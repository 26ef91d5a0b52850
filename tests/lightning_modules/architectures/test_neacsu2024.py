"""The networks of Neacsu 2024 against a plain transcription of their table of layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.config.models import ResolvedModel
from benchmark.config.schema import ModelFile
from benchmark.experiment_files import find, load
from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from lightning_modules.architectures.chunked_cnn import ChunkedCNN
from lightning_modules.architectures.spectrogram_rnn import SpectrogramRNN
from lightning_modules.base import TaggingModule

SAMPLES = 464_000
CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}

# Learned scalars at 10 tags, and the output of each block for one window.
A = [(16, 29000), (32, 7250), (64, 1812), (64, 453), (128, 113), (128, 28)]
C = [(16, 1000), (32, 250), (64, 62), (128, 15), (128, 3)]
D = [(16, 128, 906), (32, 32, 453), (64, 8, 113), (64, 1, 56)]
TABLE: dict[str, tuple[int, list[tuple[int, ...]]]] = {
    "neacsu2024_a": (742_698, A),
    "neacsu2024_b_rnn": (151_914, A[:5]),
    "neacsu2024_b_lstm": (189_162, A[:5]),
    "neacsu2024_b_gru": (176_746, A[:5]),
    "neacsu2024_c": (263_274, C),
    "neacsu2024_d_rnn": (73_706, D),
    "neacsu2024_d_lstm": (98_666, D),
    "neacsu2024_d_gru": (90_346, D),
}


def conv1d(n_in: int, n_out: int, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv1d(n_in, n_out, kernel_size=9, stride=stride, padding=4)
    return [conv, nn.BatchNorm1d(n_out), nn.ReLU(), nn.MaxPool1d(4), nn.Dropout(0.2)]


def conv2d(n_in: int, n_out: int, pool: tuple[int, int]) -> list[nn.Module]:
    conv = nn.Conv2d(n_in, n_out, kernel_size=3, padding=1)
    return [conv, nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(pool), nn.Dropout(0.2)]


def dense(n_in: int, n_hidden: int) -> list[nn.Module]:
    return [nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(n_hidden, 10)]


class Plain(nn.Module):
    """A row of the table, written with the classes of torch alone."""

    def __init__(self, name: str) -> None:
        super().__init__()
        _, self.kind, *rest = name.split("_")
        if self.kind == "d":
            layers = [
                *conv2d(1, 16, (2, 2)),
                *conv2d(16, 32, (4, 2)),
                *conv2d(32, 64, (4, 4)),
                *conv2d(64, 64, (8, 2)),
            ]
        else:
            fourth = 128 if self.kind == "c" else 64
            layers = [*conv1d(1, 16, stride=4), *conv1d(16, 32), *conv1d(32, 64)]
            layers += [*conv1d(64, fourth), *conv1d(fourth, 128)]
            layers += conv1d(128, 128) if self.kind == "a" else []
        self.convolutions = nn.Sequential(*layers)
        if rest:
            self.rnn = CELLS[rest[0]](layers[-5].out_channels, 64, batch_first=True)
        sizes = {"a": (3584, 128), "b": (64, 64), "c": (128, 128), "d": (64, 64)}
        self.dense = nn.Sequential(*dense(*sizes[self.kind]))

    def forward(self, audio: Tensor) -> Tensor:
        if self.kind == "a":
            return self.dense(self.convolutions(audio[:, None]).reshape(len(audio), -1))
        if self.kind == "c":
            seconds = [
                self.convolutions(audio[:, None, start : start + 16000]).mean(dim=2)
                for start in range(0, SAMPLES, 16000)
            ]
            return self.dense(torch.stack(seconds).max(dim=0).values)
        if self.kind == "b":
            steps = self.convolutions(audio[:, None])
        else:
            spectrum = torch.stft(
                audio, 512, 256, window=torch.hann_window(512), center=True, return_complex=True
            )
            magnitude = spectrum.abs()[:, :256]  # without the bin at 8 kHz
            steps = self.convolutions(torch.log(1 + magnitude)[:, None])[:, :, 0]
        return self.dense(self.rnn(steps.permute(0, 2, 1))[0][:, -1])


def model_of(name: str, **params: Any) -> TaggingModule:
    model = ResolvedModel.of(name, load(find("models", name), ModelFile))
    return model.cls.build(0, n_tags=10, **model.architecture.params | params)


def with_statistics(model: TaggingModule) -> TaggingModule:
    """Give every batch norm statistics of its own, as training would."""
    rng = rng_for("statistics")
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for value, scale in ((module.running_mean, 0.1), (module.running_var, 0.5)):
                value += scale * torch.from_numpy(rng.random_sample(len(value))).float()
            module.weight.data += 0.2 * torch.from_numpy(rng.standard_normal(len(module.weight)))
    return model.eval()


@pytest.fixture(scope="module")
def audio() -> Tensor:
    noise = rng_for("study").standard_normal((2, SAMPLES))
    tone = np.sin(2 * np.pi * 440 / 16000 * np.arange(SAMPLES))
    return torch.from_numpy(0.1 * noise + 0.3 * tone * [[1.0], [0.1]]).float()


@pytest.mark.parametrize("name", TABLE)
def test_network_is_the_plain_transcription_of_its_row(name, audio):
    count, shapes = TABLE[name]
    model = with_statistics(model_of(name))
    assert model.n_params == count
    plain = Plain(name).eval()
    # Same tensors in the same order, whatever they are called.
    theirs, ours = plain.state_dict(), model.state_dict()
    assert [value.shape for value in theirs.values()] == [value.shape for value in ours.values()]
    plain.load_state_dict(dict(zip(theirs, ours.values(), strict=True)))
    outputs: list[tuple[int, ...]] = []

    def note(module: nn.Module, inputs: object, output: Tensor) -> None:
        outputs.append(tuple(output.shape[1:]))

    for module in model.blocks.modules():
        if type(module).__name__.startswith("ConvBlock"):
            module.register_forward_hook(note)
    with torch.inference_mode():
        torch.testing.assert_close(model(audio), plain(audio), rtol=0, atol=1e-6)
    assert outputs == shapes


def test_chunks_are_merged_by_their_maximum_or_their_mean(audio):
    largest, mean = ChunkedCNN.build(0, n_tags=10), ChunkedCNN.build(0, n_tags=10, pool="mean")
    once = audio[:, :16000]
    with torch.inference_mode():
        for model in (largest.eval(), mean.eval()):
            # Equal chunks merge to themselves, and what follows the last whole second is ignored.
            repeated = torch.cat([once, once, once[:, :999]], 1)
            torch.testing.assert_close(model(repeated), model(once), rtol=0, atol=1e-6)
        assert (largest(audio) - mean(audio)).abs().max() > 1e-4


def test_a_future_work_variant_has_mel_bands_and_the_same_layers():
    mel, fft = model_of("neacsu2024_d_gru_mel"), model_of("neacsu2024_d_gru")
    assert {k: v.shape for k, v in mel.state_dict().items()} == {
        k: v.shape for k, v in fft.state_dict().items()
    }
    audio = torch.from_numpy(rng_for("mel").standard_normal((1, 16000))).float()
    power = mel.spec.power(audio)
    assert power.shape == (1, 1, 128, 63)
    torch.testing.assert_close(mel.spec(audio), torch.log(1 + torch.sqrt(power)))
    assert model_of("neacsu2024_spectra_1d").n_params == 424_458


def test_bands_of_the_fft_are_those_below_nyquist():
    with pytest.raises(TagbenchError, match=r"has 256 bands, got 128\. Use log_mel_magnitude"):
        SpectrogramRNN.build(0, n_tags=10, bands=128)


def test_a_silent_window_has_a_gradient_with_learned_filters():
    frontend = {"name": "log_mel_magnitude", "trainable": True}
    model = SpectrogramRNN.build(0, n_tags=10, bands=128, frontend=frontend).eval()
    model(torch.zeros(1, 16000)).sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
