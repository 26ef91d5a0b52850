"""Front ends against torchaudio, librosa and closed forms."""

from __future__ import annotations

import sys

import librosa
import numpy as np
import pytest
import torch
import torchaudio

from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from lightning_modules import frontends
from lightning_modules.frontends import catalogue
from lightning_modules.frontends.base import stft_power
from lightning_modules.frontends.cqt import ConstantQ
from lightning_modules.frontends.harmonic import Harmonic
from lightning_modules.frontends.librosa_mel import LibrosaMel
from lightning_modules.frontends.log_mel import LogMel
from lightning_modules.frontends.stft import LinearSTFT

RATE = 16000
LEARNABLE = ["log_mel", "log_mel_magnitude", "stft", "cqt", "harmonic"]
NAMES = [*LEARNABLE, "librosa_mel", "librosa_decibels", "pons_mel"]
# torchaudio tells that the lowest of 128 HTK bands is narrower than a bin, as we know.
pytestmark = pytest.mark.filterwarnings("ignore:At least one mel filterbank:UserWarning")


def noise(windows: int = 2, samples: int = 20000) -> torch.Tensor:
    values = rng_for("test noise").standard_normal((windows, samples))
    return torch.from_numpy(values * 0.1).float()


def tone(hertz: float, samples: int = 20000) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hertz * torch.arange(samples) / RATE)[None]


def reference(n_mels: int, audio: torch.Tensor) -> torch.Tensor:
    mel = torchaudio.transforms.MelSpectrogram(RATE, n_fft=512, n_mels=n_mels)
    return torchaudio.transforms.AmplitudeToDB()(mel(audio))[:, None]


@pytest.mark.parametrize("n_mels", [96, 128])
def test_log_mel_is_torchaudio_s(n_mels):
    ours = LogMel(sample_rate=RATE, bands=n_mels)(noise())
    # Where an edge of a triangle grazes a bin, its float32 rounding is worth a millibel.
    torch.testing.assert_close(ours, reference(n_mels, noise()), rtol=0, atol=2e-3)


@pytest.mark.parametrize("n_mels", [96, 128])
def test_filterbank_is_torchaudio_s(n_mels):
    theirs = torchaudio.functional.melscale_fbanks(257, 0.0, 8000.0, n_mels, RATE, norm=None)
    ours = LogMel(sample_rate=RATE, bands=n_mels).mel.mel_basis.T
    # torchaudio computes it in float32, whose last digit shows at 8 kHz.
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1.5e-5)


def test_fft_is_what_nnaudio_convolves():
    front = LogMel(sample_rate=RATE, bands=96)
    ours = stft_power(front.mel.stft, noise())
    theirs = front.mel.stft(noise(), output_format="Magnitude").square().transpose(1, 2)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_model_decides_rate_fft_size_and_hop():
    mel = torchaudio.transforms.MelSpectrogram(22050, n_fft=1024, hop_length=512, n_mels=128)
    theirs = torchaudio.transforms.AmplitudeToDB()(mel(noise()))[:, None]
    facts = {"sample_rate": 22050, "bands": 128, "fits": range(200), "n_fft": 1024, "hop": 512}
    front = frontends.build("log_mel", **facts)
    assert front.reach == 512
    torch.testing.assert_close(front(noise()), theirs, rtol=0, atol=2e-3)
    for name in NAMES:  # a constant-Q transform has no FFT size
        assert frontends.build(name, **facts)(noise()).shape[2:] == theirs.shape[2:]
    assert frontends.build({"name": "log_mel", "n_fft": 2048}, **facts).reach == 1024
    with pytest.raises(TagbenchError, match="option of front end 'log_mel'"):
        frontends.build({"name": "log_mel", "hop": 256}, **facts)


def test_librosa_mel_is_librosa_s():
    audio = noise(2) * torch.tensor([[100.0], [10.0]])
    audio[:, 5000:] = 0
    ours = LibrosaMel(sample_rate=RATE, bands=96)(audio)
    for window, samples in zip(ours, audio.numpy(), strict=True):
        mel = librosa.feature.melspectrogram(
            y=samples, sr=RATE, n_fft=512, hop_length=256, n_mels=96
        )
        theirs = librosa.amplitude_to_db(mel)
        np.testing.assert_allclose(window[0].numpy(), theirs, rtol=0, atol=2e-3)
        assert window.min() == window.max() - 80


def test_silence_is_minus_100_db_exactly():
    assert (LogMel(sample_rate=RATE, bands=96)(torch.zeros(1, 5000)) == -100).all()


def test_lowest_of_128_bands_is_empty_as_in_published_models():
    levels = LogMel(sample_rate=RATE, bands=128)(noise())
    assert (levels[:, :, 0] == -100).all()
    assert (levels[:, :, 1:] > -60).all()


@pytest.mark.parametrize(
    ("samples", "frames"), [(464000, 1813), (240000, 938), (59049, 231), (48000, 188)]
)
def test_number_of_frames(samples, frames):
    assert LogMel(sample_rate=RATE, bands=96)(torch.zeros(1, samples)).shape == (1, 1, 96, frames)


def test_level_of_a_window_does_not_depend_on_its_batch():
    quiet, loud = noise(1) * 1e-4, noise(1) * 5
    front = LogMel(sample_rate=RATE, bands=96)
    torch.testing.assert_close(front(torch.cat([quiet, loud]))[:1], front(quiet))


@pytest.mark.parametrize("name", NAMES)
def test_front_end_stays_in_float32_under_autocast(name):
    front = frontends.build(name, sample_rate=RATE, bands=96, fits=range(1000))
    plain = front(noise())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = front(noise())
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, plain, rtol=0, atol=0)


@pytest.mark.parametrize("name", LEARNABLE)
def test_fixed_front_end_adds_nothing_to_checkpoints(name):
    options = {"name": name, "trainable": False}
    front = frontends.build(options, sample_rate=RATE, bands=96, fits=range(1000))
    assert not [p for p in front.parameters() if p.requires_grad]
    assert set(front.state_dict()) <= {"bw_Q"}


@pytest.mark.parametrize("name", NAMES)
def test_all_front_ends_give_maps_of_one_size(name):
    front = frontends.build(name, sample_rate=RATE, bands=96, fits=range(1000))
    assert front(noise()).shape == (2, front.channels, 96, 1 + 20000 // 256)
    assert front.channels == (6 if name == "harmonic" else 1)
    with pytest.raises(TagbenchError, match="expects more than"):
        front(torch.zeros(1, front.reach))
    floors = {"log_mel_magnitude": 1e-10, "pons_mel": 0.0}  # others are in dB
    silence = torch.tensor(floors.get(name, -100.0))
    assert front(torch.zeros(1, front.reach + 1)).eq(silence).all()


def test_constant_q_is_librosa_s():
    front = ConstantQ(sample_rate=RATE, bands=96)
    theirs = librosa.cqt(
        noise(1, 60000)[0].numpy(),
        sr=RATE, hop_length=256, fmin=31.25, n_bins=96, bins_per_octave=12, pad_mode="reflect",
    )  # fmt: skip
    ours = front.power(noise(1, 60000))[0, 0].sqrt().numpy()
    ours, theirs = ours[:, 40:-40], np.abs(theirs)[:, 40:-40]  # ends reflect differently
    # librosa decimates for each lower octave, at the cost of its two highest bands.
    kept = np.arange(96) % 12 < 10
    level_db = 10 * np.log10((ours**2).mean(1) / (theirs**2).mean(1))
    assert np.abs(level_db[kept]).max() < 0.15
    assert np.median((np.abs(ours - theirs) / theirs)[kept]) < 0.04


@pytest.mark.parametrize("band", [24, 49, 80])
def test_constant_q_finds_a_tone_at_its_level(band):
    front, hertz = ConstantQ(sample_rate=RATE, bands=96), 31.25 * 2 ** (band / 12)
    power = front.power(tone(hertz, 40000))[0, 0, :, 60:-60].mean(1)
    assert power.argmax() == band
    # Half the amplitude, times the root of the kernel's length in samples.
    length = np.ceil(RATE / hertz / (2 ** (1 / 12) - 1))
    assert power[band] == pytest.approx(length / 4, rel=5e-3)


def test_harmonic_filters_are_the_published_ones():
    front = Harmonic(sample_rate=RATE, bands=128)
    centres = front.centres.unflatten(0, (6, 128))
    assert centres[0, 0] == pytest.approx(32.703, abs=1e-3)
    assert centres[0, -1] == pytest.approx(1280.97, abs=1e-2)
    assert centres[5, -1] == pytest.approx(7685.8, abs=1e-1)
    assert centres[0, 24] == pytest.approx(65.406, abs=1e-3)  # an octave is 24 bands
    # Equation by equation, with Q = 2, one filter at a time.
    front.bw_Q.data.fill_(2.0)
    ours = front.filters().detach()
    for index in (0, 100, 300, 767):
        f0 = float(front.centres[index])
        width = (0.1079 * f0 + 24.7) / 2
        bins = torch.linspace(0, 8000, 257)
        rising = bins * 2 / width + 1 - 2 * f0 / width
        falling = -bins * 2 / width + 1 + 2 * f0 / width
        expected = torch.minimum(rising, falling).clamp_min(0)
        torch.testing.assert_close(ours[:, index], expected, rtol=1e-3, atol=1e-3)


def test_harmonics_of_a_pitch_stand_at_the_same_place():
    front = Harmonic(sample_rate=RATE, bands=128)
    pitch = float(front.centres[110])
    comb = sum(tone(k * pitch) for k in range(1, 7)) / 6
    maps = front(comb).mean(3)[0].detach()  # (6, 128)
    assert (maps[:, 110] > maps.median(1).values + 20).all()


def test_q_is_learned():
    front = Harmonic(sample_rate=RATE, bands=128)
    front(noise()).mean().backward()
    assert front.bw_Q.grad.abs() > 0
    with torch.no_grad():
        wide = front.filters().sum()
        front.bw_Q.fill_(2.0)
        narrow = front.filters().sum()
    assert narrow / wide == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("name", ["log_mel", "stft", "cqt"])
def test_trainable_front_end_starts_as_fixed_one_and_learns(name):
    fixed = frontends.build(name, sample_rate=RATE, bands=96, fits=range(1000))
    front = frontends.build(
        {"name": name, "trainable": True}, sample_rate=RATE, bands=96, fits=range(1000)
    )
    levels = front(noise())
    torch.testing.assert_close(levels, fixed(noise()), rtol=0, atol=5e-3)
    levels.sum().backward()
    assert list(front.parameters())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in front.parameters())


def test_linear_bands_are_evenly_spaced():
    front = LinearSTFT(sample_rate=RATE, bands=100)  # 80 Hz apart
    for band in (10, 50, 90):
        assert front(tone(80.0 * band)).mean(3).argmax() == band


def test_linear_stft_of_257_bins_is_torch_s():
    # Without spacing out, the bands of nnAudio are the bins of the FFT but the last.
    front = LinearSTFT(sample_rate=RATE, bands=256)
    window = torch.hann_window(512)
    theirs = torch.stft(noise(), 512, 256, window=window, return_complex=True).abs().square()
    torch.testing.assert_close(front.power(noise())[:, 0], theirs[:, :256], rtol=1e-3, atol=1e-3)


def test_misspelt_front_end_is_answered_with_nearest():
    with pytest.raises(TagbenchError, match="Did you mean 'log_mel'"):
        frontends.build("logmel", sample_rate=RATE, bands=96, fits=range(1000))
    options = {"name": "stft", "trainble": True}
    with pytest.raises(TagbenchError, match="Did you mean 'trainable'"):
        frontends.build(options, sample_rate=RATE, bands=96, fits=range(1000))
    with pytest.raises(TagbenchError, match=r"frontend.trainable: expected bool, got 'no'"):
        frontends.build(
            {"name": "stft", "trainable": "no"}, sample_rate=RATE, bands=96, fits=range(1000)
        )


def test_pons_mel_is_librosa_s_in_half_precision():
    audio = noise(1, 16000)
    power = librosa.feature.melspectrogram(
        y=audio[0].numpy(), sr=RATE, n_fft=512, hop_length=256, n_mels=96
    )
    expected = np.log10(10_000 * power.astype(np.float16).astype(np.float32) + 1)
    ours = frontends.build("pons_mel", sample_rate=RATE, bands=96, fits=range(1000))(audio)
    # A power at the edge of two float16 numbers may be rounded to either, 0.1 % apart.
    np.testing.assert_allclose(ours[0, 0], expected, rtol=0, atol=5e-4)


def test_a_new_front_end_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "half_mel.py").write_text(
        "from lightning_modules.frontends.log_mel import LogMel\n"
        "class HalfMel(LogMel):\n"
        "    name = 'half_mel'\n"
        "    def power(self, audio):\n"
        "        return super().power(audio) / 2\n"
    )
    catalogue.front_ends.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(frontends, "__path__", [*frontends.__path__, str(tmp_path)])
        # A subclass of a subclass: its parent keeps its own name.
        half = frontends.build("half_mel", sample_rate=RATE, bands=96, fits=range(1000))
    catalogue.front_ends.cache_clear()
    sys.modules.pop("lightning_modules.frontends.half_mel")
    whole = LogMel(sample_rate=RATE, bands=96)
    torch.testing.assert_close(half(noise()), whole(noise()) - 10 * np.log10(2))
    assert sorted(frontends.front_ends()) == sorted([*NAMES, "log_magnitude"])
