"""Decoding of audio files to mono float32 at a given sample rate.

libsndfile decodes MP3, FLAC, Ogg, WAV and others without system libraries, and soxr resamples (HQ).
The length of a track is the number of samples that decode: the headers of many files are wrong.
"""

from __future__ import annotations

import io
import mmap
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from datamodules.audio import chunk_sizes, flac_repair, mp3_repair, ogg_streams
from datamodules.audio.decoder_messages import without_decoder_messages
from datamodules.audio.errors import AudioError, unreadable
from datamodules.audio.formats import conversion_advice, unsupported_codec
from datamodules.audio.sample_check import check_header, check_samples, credible_length
from datamodules.audio.truncation import missing_tail

Float32 = npt.NDArray[np.float32]
Source = Path | io.BytesIO | mmap.mmap

# Part of every manifest digest: raise it when the same file would decode to other samples.
DECODER_REVISION = 1
_BLOCK_SAMPLES = 2**20  # of all channels, decoded at once: the file never is in memory as a whole
_BLOCK_FRAMES = 65536
_LEAST_OF_PROMISED = 0.9  # a file that decodes to less than this share of its header is truncated
_NEARLY_ALL = 0.99  # an MP3 that ends before this share of its frames is repaired
_MINOR_STREAM = 0.01  # share of the frames of an MP3 below which a stream of another kind is damage
_MOST_DAMAGE = 0.05  # share of an MP3 file that may be missing between frames
_UNRECOGNISED = (1, 7)  # codes of libsndfile: unknown format, and its code for text files
_UNSUPPORTED = (4, 18)  # unsupported encoding, unimplemented format
_INCOMPLETE_HEADER = 24
_SILENT_FORMATS = (b"RIFF", b"RF64", b"FORM", b"fLaC", b"OggS", b"caff", b".snd")


def decode(path: str | Path, sample_rate: int, label: str = "") -> Float32:
    """Decode a file to mono float32.

    Channels are averaged. Damaged MP3 frames that players pass over are tolerated: clips that were
    cut out of longer MP3 files begin with one. Streams that follow each other in one file, as in
    recordings of web radios, are decoded one after the other, whatever their rates and channels.

    Args:
        path: MP3, FLAC, Ogg, WAV or another format that libsndfile reads. A named pipe is read to
            its end.
        sample_rate: Sample rate of the result, in Hz.
        label: Name of the file in messages; by default the path.

    Returns:
        Shape ``(T,)``, ``T >= 1``, finite.

    Raises:
        AudioError: If the file is missing, empty, of an unknown format or an unsupported codec,
            corrupt or truncated, if its sample rate is not one of audio, or if it decodes to no
            samples or to samples that cannot be audio.
    """
    name = label or str(path)
    try:
        with _regular_file(Path(path), name) as file:
            if file.stat().st_size == 0:
                raise AudioError("empty file: 0 bytes", name)
            if missing := missing_tail(file):
                raise AudioError(f"truncated: {missing}", name)
            with _quiet(file):
                decoded = _decode_file(file, sample_rate, name)
    except OSError as error:
        raise unreadable(error, name) from None
    if decoded.error:
        raise AudioError(f"corrupt: {decoded.error}", name)
    if len(decoded.audio) == 0:
        raise AudioError("no samples: the file decodes to nothing", name)
    if decoded.frames < _LEAST_OF_PROMISED * decoded.promised:
        raise AudioError(
            f"truncated: {decoded.frames} of {decoded.promised} samples per channel decode", name
        )
    check_samples(decoded.audio, sample_rate, name, decoded.peak)
    return decoded.audio


def header_seconds(path: str | Path) -> float | None:
    """Return the length that the header of a file states, as an estimate.

    Args:
        path: The file.

    Returns:
        Seconds; None if the header cannot be read or states no credible length.
    """
    file = Path(path)
    try:
        with _quiet(file), sf.SoundFile(file) as sound:
            check_header(sound, str(file))
            length = credible_length(sound.frames, file.stat().st_size)
            return length / sound.samplerate if length else None
    except (sf.LibsndfileError, OSError, AudioError):
        return None


class _Stream(sf.SoundFile):
    """A file that is read from start to end.

    soundfile seeks to its position after each read of a seekable file. In an MP3 file that discards
    the bits which the next frame takes from the frame before, and leaves a gap in every block.
    """

    def seekable(self) -> bool:
        return False


@dataclass
class _Decoded:
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


@contextmanager
def _regular_file(path: Path, label: str) -> Iterator[Path]:
    """Yield the path of a file that can be read more than once."""
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode):
        with tempfile.NamedTemporaryFile(suffix=path.suffix) as copy, path.open("rb") as pipe:
            while block := pipe.read(2**20):
                copy.write(block)
            copy.flush()
            yield Path(copy.name)
    elif stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # opening a directory raises an OSError
        yield path
    else:
        raise AudioError("unreadable: neither a file nor a pipe", label)


@contextmanager
def _quiet(file: Path) -> Iterator[None]:
    """Remove the messages of libmpg123 while a file is decoded that may be MP3."""
    with file.open("rb") as opened:
        may_be_mp3 = opened.read(4) not in _SILENT_FORMATS
    with without_decoder_messages() if may_be_mp3 else nullcontext():
        yield


def _decode_file(file: Path, sample_rate: int, label: str) -> _Decoded:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if codec := unsupported_codec(data):
            raise AudioError(conversion_advice(codec), label)
    if (flac := flac_repair.without_length(file)) is not None:
        copy, stated = flac
        decoded = _decode_sources([copy], sample_rate, label)
        decoded.promised = credible_length(stated, len(copy))
        if not decoded.error:
            return decoded
    decoded = _decode_sources(_sources(file, label), sample_rate, label)
    if decoded.is_mp3 or (decoded.error and file.suffix.lower() == ".mp3"):
        decoded = _decode_damaged_mp3(file, decoded, sample_rate, label)
    return decoded


def _sources(file: Path, label: str) -> Sequence[Source]:
    """Return what libsndfile has to read, one after the other, for the whole of a file."""
    if (streams := ogg_streams.split(file, label)) is not None:
        return [io.BytesIO(stream) for stream in streams]
    if (copy := chunk_sizes.corrected(file)) is not None:
        return [copy]
    return [file]


def _decode_sources(sources: Sequence[Source], sample_rate: int, label: str) -> _Decoded:
    parts = []
    for source in sources:
        try:
            with _Stream(source) as sound:
                check_header(sound, label)
                parts.append(_drain(sound, sample_rate, _size(source)))
        except sf.LibsndfileError as error:
            parts.append(_Decoded(error=_cause(error, label)))
    if len(parts) == 1:
        return parts[0]
    return _Decoded(
        np.concatenate([part.audio for part in parts]),
        sum(part.frames for part in parts),
        sum(part.promised for part in parts),
        max(part.peak for part in parts),
        any(part.is_mp3 for part in parts),
        next((part.error for part in parts if part.error), ""),
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
        raise AudioError("unsupported format: not recognised as audio", label) from None
    if error.code in _UNSUPPORTED:
        raise AudioError(conversion_advice("the encoding of its samples"), label) from None
    if error.code == _INCOMPLETE_HEADER:
        return "the header states no valid sample rate, number of channels or encoding"
    return _plain(error)


def _drain(sound: sf.SoundFile, sample_rate: int, size: int) -> _Decoded:
    stream = None
    if sound.samplerate != sample_rate:
        # In blocks, with the same bits as soxr.resample of the whole.
        stream = soxr.ResampleStream(sound.samplerate, sample_rate, 1, dtype="float32")
    result = _Decoded(promised=credible_length(sound.frames, size), is_mp3=sound.format == "MP3")
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


def _decode_damaged_mp3(file: Path, decoded: _Decoded, sample_rate: int, label: str) -> _Decoded:
    """Decode an MP3 file again if the decoder stopped before its last frame."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        streams = mp3_repair.scan(data)
        most = max((stream.frames for stream in streams), default=0)
        streams = [stream for stream in streams if stream.frames > _MINOR_STREAM * most]
        if not streams:
            return decoded
        if len(streams) == 1 and not decoded.error:
            whole = decoded.frames >= _NEARLY_ALL * decoded.promised
            if whole and streams[0].is_counted:
                return decoded
            decoded.promised = streams[0].promised_samples
            if decoded.frames >= _NEARLY_ALL * streams[0].samples:
                return decoded
        gap_bytes = sum(stream.gap_bytes for stream in streams)
        if gap_bytes > _MOST_DAMAGE * sum(stream.size for stream in streams):
            return _Decoded(error=f"{gap_bytes} bytes between the frames are damaged")
        repaired = [io.BytesIO(stream.repaired()) for stream in streams]
        promised = sum(stream.promised_samples for stream in streams)
    decoded = _decode_sources(repaired, sample_rate, label)
    decoded.promised = promised
    return decoded


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
