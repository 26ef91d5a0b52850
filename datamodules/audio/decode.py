"""The only decoder: a file becomes mono float32 at a declared rate, or an error with a reason.

libsndfile decodes MP3, FLAC, Ogg and WAV without system libraries; soxr resamples (HQ). The
length of a track is what comes out of the decoder: headers are wrong for many MP3 files.
"""

from __future__ import annotations

import hashlib
import io
import mmap
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from datamodules.audio.mp3_repair import is_counted, scan
from datamodules.audio.truncation import missing_tail
from datamodules.common.errors import TagbenchError

Float32 = npt.NDArray[np.float32]

SUFFIXES = frozenset(
    {".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".w64", ".wav"}
)
"""Endings of the names of audio files, in lower case."""

# Part of every manifest digest: raise it when the same file would decode to other samples.
DECODER_REVISION = 1
_BLOCK = 65536  # frames decoded at once: bounds memory by the output, not by the file
_LEAST_OF_PROMISED = 0.9  # a file that decodes to less than this share of its header is cut
_NEARLY_ALL = 0.99  # an MP3 that ends before this share of its frames is decoded with more care
_MOST_DAMAGE = 0.05  # share of an MP3 file that may be missing between frames
_UNRECOGNISED = (1, 7)  # libsndfile: unknown format, and its odd answer to text files


class AudioError(TagbenchError):
    """A source that gives no usable audio.

    Attributes:
        reason: Why, in a few words, without the name of the file.
        label: Which source.
        transient: Whether another attempt may succeed: the file could not be reached.
    """

    def __init__(self, reason: str, label: str = "", *, transient: bool = False) -> None:
        self.reason = reason
        self.label = label
        self.transient = transient
        super().__init__(f"{label}: {reason}" if label else reason)


@dataclass(frozen=True)
class FileSource:
    """An audio file.

    Attributes:
        path: Where it lies on this machine.
        label: Its path below the root of the dataset, the same on every machine.
    """

    path: Path
    label: str

    def sha256(self) -> str:
        """Return the hex digest of the bytes of the file."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unreadable(error, self.label) from None

    def read(self, sample_rate: int) -> Float32:
        """Decode the file: float32 of shape ``(T,)`` at ``sample_rate``."""
        return decode(self.path, sample_rate, self.label)

    def seconds(self) -> float | None:
        """Return the length that the header states; see `header_seconds`."""
        return header_seconds(self.path)

    def stamp(self) -> str:
        """Return size and time of the file, or an empty string where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return ""
        return f"{found.st_size}:{found.st_mtime_ns}"


@dataclass(frozen=True)
class KnownBad:
    """Audio that its publisher lists but that nobody can hear.

    Attributes:
        label: As of the file.
        reason: What is wrong with it.
    """

    label: str
    reason: str

    def sha256(self) -> str:
        """Raise the reason."""
        raise AudioError(f"known fault: {self.reason}", self.label)

    def read(self, sample_rate: int) -> Float32:
        """Raise the reason."""
        raise AudioError(f"known fault: {self.reason}", self.label)


def decode(path: str | Path, sample_rate: int, label: str = "") -> Float32:
    """Decode a file to mono float32.

    Channels are averaged. Damaged frames that the decoder can step over are tolerated: clips that
    were cut out of longer MP3 files begin with one.

    Args:
        path: MP3, FLAC, Ogg, WAV or anything else that libsndfile reads.
        sample_rate: Of the result, in Hz.
        label: Name for messages; by default the path.

    Returns:
        Shape ``(T,)``, ``T >= 1``, finite.

    Raises:
        AudioError: If the file is missing, empty, of an unknown format, corrupt, truncated, or
            decodes to no samples or to samples that are not finite.
    """
    file, name = Path(path), label or str(path)
    try:
        if file.stat().st_size == 0:
            raise AudioError("empty file: 0 bytes", name)
        if missing := missing_tail(file):
            raise AudioError(f"truncated: {missing}", name)
    except OSError as error:
        raise unreadable(error, name) from None
    try:
        with _Stream(file) as sound:
            decoded = _drain(sound, sample_rate)
    except sf.LibsndfileError as error:
        if error.code in _UNRECOGNISED:
            raise AudioError("unsupported format: not recognised as audio", name) from None
        decoded = _Decoded(error=_plain(error))
    if decoded.is_mp3 or (decoded.error and file.suffix.lower() == ".mp3"):
        decoded = _mended_mp3(file, decoded, sample_rate)
    if decoded.error:
        raise AudioError(f"corrupt: {decoded.error}", name)
    if len(decoded.audio) == 0:
        raise AudioError("no samples: the file decodes to nothing", name)
    if decoded.frames < _LEAST_OF_PROMISED * decoded.promised:
        raise AudioError(
            f"truncated: {decoded.frames} of {decoded.promised} samples per channel decode", name
        )
    if not np.isfinite(decoded.audio).all():
        raise AudioError("samples that are not finite", name)
    return decoded.audio


def header_seconds(path: str | Path) -> float | None:
    """Return the length that the header of a file states: cheap, and only good for estimates."""
    try:
        with sf.SoundFile(path) as sound:
            return sound.frames / sound.samplerate
    except (sf.LibsndfileError, OSError):
        return None


class _Stream(sf.SoundFile):
    """A file that is read from start to end.

    soundfile seeks to where it is after each read of a seekable file. In an MP3 that throws away
    the bits which the next frame borrows from the one before, and leaves a gap in every block.
    """

    def seekable(self) -> bool:
        return False


@dataclass
class _Decoded:
    """Outcome of one pass through the decoder; ``promised`` is the length in the header."""

    audio: Float32 = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    frames: int = 0
    promised: int = 0
    is_mp3: bool = False
    error: str = ""


def _drain(sound: sf.SoundFile, sample_rate: int) -> _Decoded:
    stream = None
    if sound.samplerate != sample_rate:
        # In blocks, and yet bit for bit what soxr.resample gives for the whole.
        stream = soxr.ResampleStream(sound.samplerate, sample_rate, 1, dtype="float32")
    result = _Decoded(promised=sound.frames, is_mp3=sound.format == "MP3")
    parts: list[Float32] = []
    buffer = np.empty((_BLOCK, sound.channels), dtype=np.float32)
    try:
        while len(block := sound.read(out=buffer)):
            result.frames += len(block)
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


def _mended_mp3(file: Path, decoded: _Decoded, sample_rate: int) -> _Decoded:
    """Decode an MP3 file again if the decoder stopped before its last frame."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        whole = not decoded.error and decoded.frames >= _NEARLY_ALL * decoded.promised
        if whole and is_counted(data):
            return decoded
        found = scan(data)
    if found is None:
        return decoded
    if not found.counted:
        decoded.promised = found.samples
    if not decoded.error and decoded.frames >= _NEARLY_ALL * found.samples:
        return decoded
    if found.gap_bytes > _MOST_DAMAGE * len(found.clean):
        return _Decoded(error=f"{found.gap_bytes} bytes between the frames are damaged")
    with _Stream(io.BytesIO(found.repaired())) as sound:
        return _drain(sound, sample_rate)


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


def unreadable(error: OSError, label: str) -> AudioError:
    """Build the error for a file that the system does not give."""
    if isinstance(error, FileNotFoundError):
        return AudioError("missing file", label, transient=True)
    return AudioError(f"unreadable: {error.strerror}", label, transient=True)
