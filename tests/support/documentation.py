"""Snippets of the pages: fenced blocks, the commands in them, and the files that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.paths import ROOT

EXAMPLE = re.compile(r"^`([\w/]+\.(?:py|yaml))`\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
"""A complete file: its path as code, and a block with its content."""

_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`((?:tagbench|make|python -m|python docs) [^`]+)`")
_OPTIONAL = re.compile(r"(?<=\s)\[(--[^]]+|\w+)[^]]*\]")


class Fence(NamedTuple):
    """A fenced block: its page, its language, whether a test runs it, and its text."""

    page: str
    language: str
    runs: bool
    text: str


def pages() -> dict[str, str]:
    """Return the text of every page by its path in the repository."""
    generated = [
        ROOT / "docs" / name for name in ("build", "gallery", "gallery_pages", "generated")
    ]
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for path in sorted(paths)
        if not any(folder in path.parents for folder in generated)
    }


def fences(page: str, text: str) -> Iterator[Fence]:
    """Yield the fenced blocks of a page in order; ``run`` after the language marks one to run."""
    for info, body in _FENCE.findall(text):
        language, *marks = info.split() or [""]
        yield Fence(page, language, "run" in marks, body)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of a block, without comments.

    An optional word in square brackets is taken; of alternatives such as ``[models|datasets]``, the
    first.
    """
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(_OPTIONAL.sub(r"\1", line), comments=True)
        if words:
            yield words


def inline_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command that a page sets as code within a sentence or a table."""
    for command in _INLINE.findall(_FENCE.sub("", text)):
        yield from commands(command.replace("\n", " ").replace(r"\|", "|"))


def example_files(text: str) -> dict[str, str]:
    """Return the content of each file that a page shows, by its path."""
    return dict(EXAMPLE.findall(text))


def write_examples(text: str, folder: Path) -> None:
    """Write the files that a page shows below a folder."""
    for name, content in example_files(text).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
