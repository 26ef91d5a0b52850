"""Audio formats that this installation decodes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmark.doctor.finding import Finding

_RATE, _DECODED_RATE, _SECONDS, _LEVEL = 48000, 16000, 0.5, 0.5
_FORMATS = (
    ("WAV", "WAV", "PCM_16"),
    ("FLAC", "FLAC", "PCM_16"),
    ("AIFF", "AIFF", "PCM_16"),
    ("Ogg Vorbis", "OGG", "VORBIS"),
    ("Opus", "OGG", "OPUS"),
    ("MP3", "MP3", "MPEG_LAYER_III"),
)
"""Name, container and codec of each format, as libsndfile calls them."""


def check_decoders() -> Iterator[Finding]:
    """Encode half a second of a tone in each format, and decode it as tracks are decoded."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        remedy = "Install it again: pip install --force-reinstall soundfile"
        yield Finding("audio formats", "fail", f"soundfile cannot be imported: {error}", remedy)
        return
    times = np.arange(round(_SECONDS * _RATE)) / _RATE
    tone = (_LEVEL * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    working: list[str] = []
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tagbench-") as folder:
        for name, container, codec in _FORMATS:
            path = Path(folder, f"tone.{container.lower()}")
            problem = _problem(path, tone, container, codec)
            (broken if problem else working).append(f"{name} ({problem})" if problem else name)
    library = f"libsndfile {soundfile.__libsndfile_version__}"
    if broken:
        remedy = (
            "Install its wheel, which holds libsndfile: pip install --force-reinstall soundfile"
        )
        yield Finding("audio formats", "fail", f"{library}: {', '.join(broken)}", remedy)
    if working:
        remedy = "Convert AAC, M4A and WMA first: ffmpeg -i INPUT OUTPUT.flac"
        yield Finding("audio formats", "OK", f"{library} decodes {', '.join(working)}", remedy)


def _problem(path: Path, tone: np.ndarray, container: str, codec: str) -> str:
    """Return why a format does not work, or an empty string."""
    import soundfile

    from datamodules.audio.decode import decode
    from datamodules.audio.errors import AudioError

    try:
        soundfile.write(path, tone, _RATE, format=container, subtype=codec)
        audio = decode(path, _DECODED_RATE)
    except (soundfile.LibsndfileError, ValueError, AudioError) as error:
        return " ".join(str(error).split())
    expected = _SECONDS * _DECODED_RATE
    level = float(np.sqrt(np.mean(np.square(audio[len(audio) // 4 : -len(audio) // 4]))))
    if abs(len(audio) - expected) > 0.2 * expected or abs(level * 2**0.5 - _LEVEL) > 0.1 * _LEVEL:
        return f"{len(audio)} samples of level {level:.2f}, expected {expected:.0f} of 0.35"
    return ""
