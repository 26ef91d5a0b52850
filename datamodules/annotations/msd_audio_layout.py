"""The two folder layouts in which clips of the Million Song Dataset are distributed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from datamodules.common.errors import TagbenchError

EXTENSIONS = ("mp3", "flac", "ogg", "wav", "npy")
"""File extensions in the order of search; ``npy`` is read by `datamodules.audio.npy_waveform`."""

_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True)
class Layout:
    """Folder layout: each level of folders is named after one character of the id of a track.

    Attributes:
        title: Description of the layout, for messages.
        names: Valid names of folders.
        depth: Number of levels of folders.
        start: Position in the id of the character that names the first level.
        suffixes: Possible texts between the id and the extension, the usual one first.
    """

    title: str
    names: frozenset[str]
    depth: int
    start: int
    suffixes: tuple[str, ...]

    def folder(self, name: str) -> str:
        """Return the folder of an id, such as ``8/9``."""
        return "/".join(name[self.start : self.start + self.depth])

    def usual(self, name: str) -> str:
        """Return the usual file name of an id."""
        return f"{name}{self.suffixes[0]}.{EXTENSIONS[0]}"

    def files(self, name: str) -> list[str]:
        """Return the possible file names of an id, the usual name first."""
        return [f"{name}{suffix}.{ext}" for suffix in self.suffixes for ext in EXTENSIONS]

    def is_in(self, root: Path) -> bool:
        """Return whether a folder has this layout."""
        return _has_levels(root, self.names, self.depth)


BY_CLIP = Layout("by 7digital id, such as 8/9/8947470.clip.mp3", _DIGITS, 2, 0, (".clip", ""))
BY_TRACK = Layout(
    "by MSD id, such as A/A/A/TRAAAAK128F9318786.mp3", _LETTERS, 3, 2, ("", ".clip")
)  # fmt: skip


def detect(root: Path) -> Layout:
    """Return the layout of a folder.

    Raises:
        TagbenchError: If the folder has neither layout, or both.
    """
    layouts = [layout for layout in (BY_CLIP, BY_TRACK) if layout.is_in(root)]
    if len(layouts) == 1:
        return layouts[0]
    number = "both" if layouts else "neither"
    raise TagbenchError(
        f"{root} contains clips in {number} of the layouts of the Million Song Dataset: "
        f"{BY_CLIP.title}, or {BY_TRACK.title}. Name the folder whose subfolders have names of one "
        "character with --audio-dir."
    )


def finder(root: Path, layout: Layout) -> Callable[[str], str]:
    """Return a function from an id to the path of its file below ``root``.

    If no file exists, the function returns the usual path. Each folder is listed once, which is
    much faster on a network disk than a query for every possible file name.

    Args:
        root: Folder of the clips.
        layout: Layout of the folder.
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


def track_finder(
    root: Path, layout: Layout, clips: Callable[[], Mapping[str, str]]
) -> Callable[[str], str]:
    """Return a function from an MSD id to the path of its file below ``root``; see `finder`.

    Args:
        root: Folder of the clips.
        layout: Layout of the folder.
        clips: Returns the 7digital id of each track, by MSD id; called if the layout needs it.
    """
    find = finder(root, layout)
    if layout is not BY_CLIP:
        return find
    clip_of = clips()
    # A track without a 7digital id counts as missing; the path states why.
    return lambda track: find(clip_of[track]) if track in clip_of else f"no 7digital id: {track}"


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
