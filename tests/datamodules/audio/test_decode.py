from __future__ import annotations

import csv
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile as sf
import soxr

from datamodules.audio.containers.mp3_repair import scan
from datamodules.audio.decode import decode, header_seconds
from datamodules.audio.errors import AudioError
from datamodules.audio.sources import FileSource
from tests.support.audio_files import Float32, amplitude, mp3_frames, noise, peak_hz, tone, write

FORMATS = ("wav", "flac", "ogg", "mp3", "aiff")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_a_tone_keeps_frequency_level_and_length(tmp_path: Path, suffix: str, rate: int) -> None:
    path = write(tmp_path / f"tone.{suffix}", tone(997.0, 2.0, rate), rate)
    audio = decode(path, 16000)
    assert audio.dtype == np.float32
    assert audio.flags.c_contiguous
    assert len(audio) == 32000
    assert peak_hz(audio, 16000) == pytest.approx(997.0, rel=1e-4)
    stored, _ = sf.read(path, dtype="float32")  # the MP3 encoder changes the level
    assert amplitude(audio, 997.0, 16000) == pytest.approx(amplitude(stored, 997.0, rate), rel=1e-3)
    if suffix != "mp3":
        assert amplitude(audio, 997.0, 16000) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_channels_are_averaged(tmp_path: Path, channels: int, rate: int) -> None:
    # Long enough for several blocks, and not a multiple of one.
    columns = np.stack([noise(4.3, rate, seed) for seed in range(channels)], axis=1)
    path = write(tmp_path / "x.wav", columns, rate, subtype="FLOAT")
    expected = columns.mean(axis=1, dtype=np.float64).astype(np.float32)
    np.testing.assert_allclose(decode(path, 16000), soxr.resample(expected, rate, 16000), atol=2e-7)


def test_decoding_in_blocks_is_resampling_the_whole(tmp_path: Path) -> None:
    audio = noise(6.0, 44100)
    path = write(tmp_path / "x.wav", audio, 44100, subtype="FLOAT")
    np.testing.assert_array_equal(decode(path, 16000), soxr.resample(audio, 44100, 16000))
    np.testing.assert_array_equal(decode(path, 44100), audio)


# librosa 0.11 imports audioread, which imports modules that leave the standard library.
@pytest.mark.filterwarnings("ignore:.*is deprecated and slated for removal:DeprecationWarning")
@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg"])
def test_librosa_agrees(tmp_path: Path, suffix: str) -> None:
    stereo = np.stack([noise(3.1, 44100, 1), noise(3.1, 44100, 2)], axis=1)
    path = write(tmp_path / f"x.{suffix}", stereo, 44100)
    theirs, _ = librosa.load(path, sr=16000)
    ours = decode(path, 16000)
    assert abs(len(ours) - len(theirs)) <= 1  # librosa pads up to the next sample
    np.testing.assert_allclose(ours, theirs[: len(ours)], atol=1e-6)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_blocks_leave_no_trace(tmp_path: Path, suffix: str, rate: int) -> None:
    path = write(tmp_path / f"x.{suffix}", tone(997.0, 6.0, rate), rate)
    whole, _ = sf.read(path, dtype="float32")
    np.testing.assert_allclose(decode(path, rate), whole, atol=1e-6)


def test_nothing_is_clipped(tmp_path: Path) -> None:
    path = write(tmp_path / "loud.wav", tone(440.0, 1.0, 16000, level=3.0), 16000, subtype="FLOAT")
    assert np.abs(decode(path, 16000)).max() == pytest.approx(3.0, rel=1e-3)


def _broken(folder: Path, name: str) -> Path:
    """Write one of the broken files of the table below."""
    stem, _, suffix = name.rpartition(".")
    path = folder / name
    if stem == "missing":
        return path
    good = write(folder / f"good.{suffix}", noise(4.0, 44100), 44100)
    data = good.read_bytes()
    if stem == "cut":
        path.write_bytes(data[: len(data) * 7 // 10])
    elif stem == "slightly_cut":
        path.write_bytes(data[: len(data) * 98 // 100])
    elif stem == "damaged":
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes(4000) + data[middle + 4000 :])
    elif stem == "wrecked":
        # Every second kilobyte is gone.
        path.write_bytes(b"".join(data[i : i + 1024] for i in range(0, len(data), 2048)))
    elif stem == "zero_bytes":
        path.write_bytes(b"")
    elif stem == "zero_samples":
        write(path, np.zeros(0, dtype=np.float32), 44100)
    elif stem == "nan":
        audio = noise(1.0, 44100)
        audio[1234] = np.nan
        write(path, audio, 44100, subtype="FLOAT")
    elif stem == "text":
        path.write_text("404 not found\n" * 100)
    elif stem == "directory":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.mp3", "missing file"),
        ("directory.wav", "(unreadable|unsupported)"),
        ("zero_bytes.mp3", "empty file: 0 bytes"),
        ("zero_samples.wav", "no samples"),
        ("text.mp3", "unsupported format"),
        ("text.wav", "unsupported format"),
        ("nan.wav", "not finite"),
        ("cut.wav", r"truncated: \d+ of \d+ bytes"),
        ("slightly_cut.wav", "truncated"),
        ("cut.aiff", "truncated"),
        ("cut.ogg", "truncated: the last Ogg page is cut"),
        ("slightly_cut.ogg", "truncated"),
        ("cut.mp3", r"truncated: \d+ of \d+ samples"),
        ("cut.flac", "corrupt"),
        ("damaged.flac", "corrupt"),
        ("wrecked.mp3", "corrupt: .* damaged"),
    ],
)
def test_broken_files_are_refused_by_name(tmp_path: Path, name: str, reason: str) -> None:
    path = _broken(tmp_path, name)
    with pytest.raises(AudioError, match=reason) as caught:
        decode(path, 16000, "album/" + name)
    assert str(caught.value) == f"album/{name}: {caught.value.reason}"
    assert caught.value.transient == (name.startswith(("missing", "directory")))


def _music(seconds: float) -> Float32:
    """A tone in noise: unlike a tone alone, it fills the frames of an MP3 evenly."""
    return tone(997.0, seconds, 44100) + noise(seconds, 44100, level=0.05)


@pytest.mark.parametrize("at", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("size", [50, 400, 1500])
def test_a_few_bad_mp3_frames_cost_only_themselves(tmp_path: Path, at: float, size: int) -> None:
    whole = write(tmp_path / "whole.mp3", _music(8.0), 44100)
    data = bytearray(whole.read_bytes())
    start = int(at * len(data))
    data[start : start + size] = np.random.RandomState(size).bytes(size)
    damaged = tmp_path / "damaged.mp3"
    damaged.write_bytes(data)
    expected, audio = decode(whole, 16000), decode(damaged, 16000)
    assert len(expected) - 0.2 * 16000 < len(audio) <= len(expected) + 1
    level = amplitude(expected, 997.0, 16000)
    assert amplitude(audio[-8000:], 997.0, 16000) == pytest.approx(level, rel=0.01)


def test_an_mp3_that_starts_within_a_frame_is_fine(tmp_path: Path) -> None:
    whole = write(tmp_path / "x.mp3", _music(8.0), 44100)
    data = whole.read_bytes()
    clip = tmp_path / "clip.mp3"
    clip.write_bytes(data[len(data) // 2 + 77 :])
    expected, audio = decode(whole, 16000), decode(clip, 16000)
    assert len(audio) == pytest.approx(64000, abs=3200)
    level = amplitude(expected, 997.0, 16000)
    assert amplitude(audio, 997.0, 16000) == pytest.approx(level, rel=0.01)


@pytest.mark.parametrize("levels", [(0.0, 0.9), (0.9, 0.0)])
def test_the_length_of_an_mp3_is_counted_not_guessed(
    tmp_path: Path, levels: tuple[float, float]
) -> None:
    """Frames of two bit rates and none that counts them: the guess is off by a factor."""
    first, second = (
        mp3_frames(_music(3.0), 44100, levels[0]),
        mp3_frames(_music(20.0), 44100, levels[1]),
    )
    path = tmp_path / "vbr.mp3"
    path.write_bytes(first + second)
    guess = header_seconds(path)
    assert guess is not None
    assert guess != pytest.approx(23.0, rel=0.5)
    audio = decode(path, 16000)
    assert len(audio) == pytest.approx(23.0 * 16000, rel=0.01)
    early, late = (amplitude(audio[a : a + 32000], 997.0, 16000) for a in (80000, -48000))
    assert late == pytest.approx(early, rel=0.01)


def test_frames_of_an_mp3_add_up(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp3", noise(5.0, 44100), 44100)
    (stream,) = scan(path.read_bytes())
    assert stream.is_counted
    assert stream.gap_bytes == 0
    assert stream.samples == pytest.approx(5.0 * 44100, abs=4 * 1152)
    assert scan(b"\x00" * 5000) == []


def test_a_source_knows_its_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", noise(0.1, 16000), 16000)
    source = FileSource(path, "x.wav")
    before = source.stamp(), source.sha256()
    write(path, noise(0.2, 16000), 16000)
    assert source.stamp() != before[0]
    assert source.sha256() != before[1]
    assert FileSource(tmp_path / "none.wav", "none.wav").stamp() == ""
    with pytest.raises(AudioError, match="missing file"):
        FileSource(tmp_path / "none.wav", "none.wav").sha256()


def test_every_real_clip_decodes_to_its_length(shared_data: Path) -> None:
    with (shared_data / "audio" / "MANIFEST.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 22
    for row in rows:
        source = FileSource(shared_data / "audio" / row["file"], row["file"])
        assert source.sha256() == row["sha256"]
        audio = source.read(16000)
        assert len(audio) / 16000 == pytest.approx(float(row["seconds"]), abs=0.05)
        assert 0.001 < np.abs(audio).max() < 1.5


def test_real_lengths_to_the_sample(shared_data: Path) -> None:
    audio = shared_data / "audio"
    (mtat,) = audio.glob("mtat_*.mp3")
    assert len(decode(mtat, 16000)) == 465_984
    with sf.SoundFile(mtat) as sound:
        assert sound.frames != 465_984  # what the header says
    lengths = {len(decode(path, 44100)) for path in audio.glob("fma_*.mp3")}
    assert lengths == {1_321_967, 1_323_119}


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("empty.mp3", "no samples"),
        ("empty.ogg", "no samples"),
        ("empty.wav", "no samples"),
        ("4channels.flac", "corrupt: unknown error in flac decoder"),
        ("1024_samples.wav", 1024),
        ("impulses_1second_44100_bad_stream_info.flac", 441_000),
        ("test.mp3", 222_336),
    ],
)
def test_real_edge_cases(shared_data: Path, name: str, outcome: str | int) -> None:
    path = shared_data / "audio_edge" / name
    if isinstance(outcome, str):
        with pytest.raises(AudioError, match=outcome):
            decode(path, 16000)
    else:
        assert len(decode(path, 44100)) == outcome
