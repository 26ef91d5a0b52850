"""Audio files for the measurements."""

from __future__ import annotations

from pathlib import Path

import soundfile

from datamodules.common.errors import TagbenchError
from datamodules.datasets.synthetic import Synth
from datamodules.synthesis.clip_source import ClipSource

_CLIPS = 8
_RATE = 44100
_SUFFIXES = (".mp3", ".ogg", ".flac", ".wav")


def music(folder: Path | None, scratch: Path) -> list[Path]:
    """Return the audio files of a folder, or clips of the embedded corpus as MP3.

    Args:
        folder: Folder of audio files; files of the first format that it has (MP3, Ogg, FLAC, WAV)
            are used. None renders clips instead.
        scratch: Folder for the rendered files.

    Raises:
        TagbenchError: The folder holds no audio file.
    """
    if folder is None:
        return [_rendered(index, scratch) for index in range(_CLIPS)]
    for suffix in _SUFFIXES:
        if paths := sorted(folder.glob(f"*{suffix}")):
            return paths
    raise TagbenchError(
        f"--audio {folder}: the folder holds no file of type {', '.join(_SUFFIXES)}."
    )


def _rendered(index: int, scratch: Path) -> Path:
    path = scratch / f"{index}.mp3"
    if not path.is_file():
        scratch.mkdir(parents=True, exist_ok=True)
        audio = ClipSource(Synth.revision, 0, index).read(_RATE)
        soundfile.write(path, audio, _RATE, format="MP3", subtype="MPEG_LAYER_III")
    return path
