"""Search of folders for audio files."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from datamodules.audio.formats import AUDIO_SUFFIXES, DECODED_SUFFIXES
from datamodules.common.errors import TagbenchError


def find_audio_files(folder: Path) -> list[Path]:
    """Return every file below a folder whose suffix is that of an audio format.

    Links to directories are followed. A directory is visited once, under its own name if that is
    below ``folder``, and a link to a directory that contains the link is a loop and is skipped.
    Links to files that do not exist are returned, so that they are reported as missing.

    Args:
        folder: Folder to search.

    Returns:
        Paths that start with ``folder``, sorted.
    """
    files: list[Path] = []
    visited: set[Path] = set()
    waiting = deque([folder])
    while waiting:  # links found in one tree are followed after all of that tree
        for place, directories, names in os.walk(waiting.popleft()):
            here = Path(place)
            real = here.resolve()
            if real in visited:
                directories.clear()
                continue
            visited.add(real)
            links = sorted(name for name in directories if (here / name).is_symlink())
            waiting.extend(here / name for name in links if not _is_loop(here / name, real))
            directories[:] = sorted(set(directories) - set(links))
            files.extend(here / name for name in names if _is_audio(here / name))
    return sorted(files)


def require_audio_files(folder: Path) -> list[Path]:
    """Return the files of `find_audio_files`, at least one.

    Raises:
        TagbenchError: There is none.
    """
    files = find_audio_files(folder)
    if not files:
        formats = " ".join(sorted(suffix[1:] for suffix in DECODED_SUFFIXES))
        raise TagbenchError(f"There is no audio in {folder}: looked for {formats}.")
    return files


def _is_loop(link: Path, folder: Path) -> bool:
    target = link.resolve()
    return target == folder or target in folder.parents


def _is_audio(path: Path) -> bool:
    if path.suffix.lower() not in AUDIO_SUFFIXES:
        return False
    return path.is_file() or (path.is_symlink() and not path.exists())
