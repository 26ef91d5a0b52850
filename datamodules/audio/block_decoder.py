"""Decoding of what libsndfile reads, in blocks, to mono float32 at a given sample rate."""

from __future__ import annotations

import io
import mmap
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from datamodules.audio.errors import AudioError
from datamodules.audio.formats import conversion_advice, unrecognised_format
from datamodules.audio.sample_check import check_header, credible_length

Float32 = npt.NDArray[np.float32]
Source = Path | io.BytesIO | mmap.mmap

_BLOCK_FRAMES = 65536
_BLOCK_SAMPLES = 2**20  # of all channels: a block of a file of many channels has fewer frames
_UNRECOGNISED = (1, 7)  # codes of libsndfile: unknown format, and its code for text files
_UNSUPPORTED = (4, 18)  # unsupported encoding, unimplemented format
_INCOMPLETE_HEADER = 24


class _Stream(sf.SoundFile):
    """A file that is read from start to end.

    soundfile seeks to its position after each read of a seekable file. In an MP3 file that discards
    the bits which the next frame takes from the frame before, and leaves a gap in every block.
    """

    def seekable(self) -> bool:
        return False


class _Memory:
    """Bytes in memory as a file, in which seeking to an impossible position does nothing.

    soundfile prints a traceback for each error of a file object. libsndfile sees the position.
    """

    def __init__(self, source: io.BytesIO | mmap.mmap) -> None:
        self._source = source
        self.read, self.tell = source.read, source.tell

    def seek(self, offset: int, whence: Literal[0, 1, 2] = 0) -> int:
        with suppress(ValueError):
            self._source.seek(offset, whence)
        return self._source.tell()


@dataclass
class Decoded:
    """Result of one pass through the decoder.

    Attributes:
        audio: Mono samples at the wanted rate.
        frames: Samples per channel that were decoded, at the rate of the file.
        promised: Samples per channel that the header states; 0 if it states no credible number.
        peak: Largest magnitude in the file, of formats that store floating-point numbers; else 0.
        is_mp3: Whether libsndfile reads the file as MP3.
        error: Message of libsndfile; empty if the file was decoded to its end.
    """

    audio: Float32 = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    frames: int = 0
    promised: int = 0
    peak: float = 0.0
    is_mp3: bool = False
    error: str = ""


def decode_sources(sources: Sequence[Source], sample_rate: int, label: str) -> Decoded:
    """Decode files or their bytes one after the other.

    Args:
        sources: What libsndfile reads, one or more; their rates and channels may differ.
        sample_rate: Sample rate of the result, in Hz.
        label: Name of the file in messages.

    Returns:
        The samples of all, or the first error.

    Raises:
        AudioError: If a source is not corrupt but of a format or codec that cannot be decoded, or
            its sample rate is not one of audio.
    """
    results = []
    for source in sources:
        try:
            with _Stream(source if isinstance(source, Path) else _Memory(source)) as sound:
                check_header(sound, label)
                results.append(_drain(sound, sample_rate, _size(source)))
        except sf.LibsndfileError as error:
            results.append(Decoded(error=_cause(error, label)))
    if len(results) == 1:
        return results[0]
    return Decoded(
        np.concatenate([result.audio for result in results]),
        sum(result.frames for result in results),
        sum(result.promised for result in results),
        max(result.peak for result in results),
        any(result.is_mp3 for result in results),
        next((result.error for result in results if result.error), ""),
    )


def _size(source: Source) -> int:
    if isinstance(source, Path):
        return source.stat().st_size
    return source.getbuffer().nbytes if isinstance(source, io.BytesIO) else len(source)


def _cause(error: sf.LibsndfileError, label: str) -> str:
    """Return the message of libsndfile for a file that it cannot open.

    Raises:
        AudioError: If the file is not corrupt but of another kind.
    """
    if error.code in _UNRECOGNISED:
        raise AudioError(unrecognised_format(label), label) from None
    if error.code in _UNSUPPORTED:
        raise AudioError(conversion_advice("the encoding of its samples"), label) from None
    if error.code == _INCOMPLETE_HEADER:
        return "the header states no valid sample rate, number of channels or encoding"
    return _plain(error)


def _drain(sound: sf.SoundFile, sample_rate: int, size: int) -> Decoded:
    stream = None
    if sound.samplerate != sample_rate:
        # In blocks, with the same bits as soxr.resample of the whole.
        stream = soxr.ResampleStream(sound.samplerate, sample_rate, 1, dtype="float32")
    result = Decoded(promised=credible_length(sound.frames, size), is_mp3=sound.format == "MP3")
    is_float = sound.subtype in ("FLOAT", "DOUBLE")
    parts: list[Float32] = []
    length = max(1, min(_BLOCK_FRAMES, _BLOCK_SAMPLES // sound.channels))
    buffer = np.empty((length, sound.channels), dtype=np.float32)
    try:
        while len(block := sound.read(out=buffer)):
            result.frames += len(block)
            if is_float:
                result.peak = max(result.peak, float(np.abs(block).max()))
            mono = _downmix(block)
            parts.append(stream.resample_chunk(mono) if stream else mono)
            if mono.base is not None and not stream:
                buffer = np.empty_like(buffer)  # the old one is part of the result
    except sf.LibsndfileError as error:
        result.error = _plain(error)
        return result
    if stream and result.frames:
        parts.append(stream.resample_chunk(np.empty(0, dtype=np.float32), last=True))
    if parts:
        result.audio = np.concatenate(parts)
    return result


def _downmix(block: Float32) -> Float32:
    """Average the channels of ``block`` (frames, channels); a view of it if there is but one."""
    if block.shape[1] == 1:
        return block[:, 0]
    # Column by column: several times faster than mean(axis=1).
    mono = block[:, 0] + block[:, 1]
    for channel in range(2, block.shape[1]):
        mono += block[:, channel]
    mono *= np.float32(1 / block.shape[1])
    return mono


def _plain(error: sf.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ").rstrip(". ")
