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
from pathlib import Path

import soundfile as sf

from datamodules.audio.block_decoder import Decoded, Float32, Source, decode_sources
from datamodules.audio.containers import (
    chunk_sizes,
    flac_repair,
    joined_files,
    mp3_repair,
    ogg_streams,
)
from datamodules.audio.decoder_messages import without_decoder_messages
from datamodules.audio.errors import AudioError, unreadable
from datamodules.audio.formats import conversion_advice, unsupported_codec
from datamodules.audio.sample_check import (
    check_header,
    check_samples,
    credible_seconds,
)
from datamodules.audio.truncation import missing_tail

# Part of every manifest digest: raise it when the same file would decode to other samples.
DECODER_REVISION = 1
_LEAST_OF_PROMISED = 0.9  # a file that decodes to less than this share of its header is truncated
_NEARLY_ALL = 0.99  # an MP3 that ends before this share of its frames is repaired
_MINOR_STREAM = 0.01  # share of the frames of an MP3 below which a stream of another kind is damage
_MOST_DAMAGE = 0.05  # share of an MP3 file that may be missing between frames
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
            return credible_seconds(sound.frames, sound.samplerate, file.stat().st_size)
    except (sf.LibsndfileError, OSError, AudioError):
        return None


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


def _decode_file(file: Path, sample_rate: int, label: str) -> Decoded:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if codec := unsupported_codec(data):
            raise AudioError(conversion_advice(codec), label)
    sources = _sources(file, label)
    if sources == [file] and (copy := flac_repair.without_length(file)) is not None:
        decoded = decode_sources([copy], sample_rate, label)
        if not decoded.error:
            return decoded
    decoded = decode_sources(sources, sample_rate, label)
    if decoded.is_mp3 or (decoded.error and file.suffix.lower() == ".mp3"):
        decoded = _decode_damaged_mp3(file, decoded, sample_rate, label)
    return decoded


def _sources(file: Path, label: str) -> Sequence[Source]:
    """Return what libsndfile has to read, one after the other, for the whole of a file."""
    if (streams := ogg_streams.split(file, label)) is not None:
        return [io.BytesIO(stream) for stream in streams]
    if (files := joined_files.split(file)) is not None:
        return [io.BytesIO(content) for content in files]
    if (copy := chunk_sizes.corrected(file)) is not None:
        return [copy]
    return [file]


def _decode_damaged_mp3(file: Path, decoded: Decoded, sample_rate: int, label: str) -> Decoded:
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
            return Decoded(error=f"{gap_bytes} bytes between the frames are damaged")
        repaired = [io.BytesIO(stream.repaired()) for stream in streams]
        promised = sum(stream.promised_samples for stream in streams)
    decoded = decode_sources(repaired, sample_rate, label)
    decoded.promised = promised
    return decoded
