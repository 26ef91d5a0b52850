"""The two ways in which clips of the Million Song Dataset are laid out on disks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from datamodules.common.errors import TagbenchError

EXTENSIONS = ("mp3", "flac", "ogg", "wav", "npy")
"""Tried in order: what was distributed first, arrays (`datamodules.audio.npy_waveform`) last."""

_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True)
class Layout:
    """Where the file of a track lies.

    Attributes:
        title: For messages.
        names: What folders are called.
        depth: How many of them lie in one another.
        start: Position in an id of the character that names the first folder.
        suffixes: What may stand between the id and the extension.
    """

    title: str
    names: frozenset[str]
    depth: int
    start: int
    suffixes: tuple[str, ...]

    def folder(self, name: str) -> str:
        """Return the folder of an id, with ``/``."""
        return "/".join(name[self.start : self.start + self.depth])

    def usual(self, name: str) -> str:
        """Return what the file of an id is called by those who distributed it."""
        return f"{name}{self.suffixes[0]}.{EXTENSIONS[0]}"

    def files(self, name: str) -> list[str]:
        """Return whatever the file of an id may be called, the usual name first."""
        return [f"{name}{suffix}.{ext}" for suffix in self.suffixes for ext in EXTENSIONS]

    def is_in(self, root: Path) -> bool:
        """Tell whether a folder is laid out like this."""
        return _has_levels(root, self.names, self.depth)


BY_CLIP = Layout("by 7digital id, such as 8/9/8947470.clip.mp3", _DIGITS, 2, 0, (".clip", ""))
BY_TRACK = Layout(
    "by MSD id, such as A/A/A/TRAAAAK128F9318786.mp3", _LETTERS, 3, 2, ("", ".clip")
)  # fmt: skip


def detect(root: Path) -> Layout:
    """Return the layout of a folder.

    Raises:
        TagbenchError: If it has neither layout, or both.
    """
    found = [layout for layout in (BY_CLIP, BY_TRACK) if layout.is_in(root)]
    if len(found) == 1:
        return found[0]
    wrong = "holds clips in both layouts" if found else "holds clips in neither layout"
    raise TagbenchError(
        f"{root} {wrong} in which the Million Song Dataset is known: {BY_CLIP.title}, or "
        f"{BY_TRACK.title}. Name the folder that holds the folders of one character "
        "with --audio-dir."
    )


def finder(root: Path, layout: Layout) -> Callable[[str], str]:
    """Return a function that finds the file of an id, as a path below ``root``.

    Where there is none it returns the path that is usual. Each folder is listed once, which is
    far quicker on a network disk than to ask for every name that a file might have.
    """

    @lru_cache(maxsize=256)
    def listing(folder: str) -> frozenset[str]:
        try:
            return frozenset(path.name for path in (root / folder).iterdir())
        except OSError:
            return frozenset()

    def find(name: str) -> str:
        folder = layout.folder(name)
        files = listing(folder)
        usual = layout.usual(name)
        if usual in files or not files:
            return f"{folder}/{usual}"
        return f"{folder}/{next((file for file in layout.files(name) if file in files), usual)}"

    return find


def _has_levels(root: Path, names: frozenset[str], depth: int) -> bool:
    if depth == 0:
        return True
    return any(_has_levels(folder, names, depth - 1) for folder in _folders(root, names))


def _folders(root: Path, names: frozenset[str]) -> Sequence[Path]:
    try:
        with os.scandir(root) as entries:
            return [Path(e.path) for e in entries if e.name in names and e.is_dir()]
    except OSError:
        return []
