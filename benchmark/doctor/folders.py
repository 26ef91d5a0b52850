"""Folders: write access, free space, and imported checkpoints."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmark.doctor.finding import Finding, Level, Places
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import free_bytes
from datamodules.common.formatting import human_bytes

_LEAST, _FEW = 5e8, 5e9  # bytes: of the embedded corpus and its results, and of a small dataset


def check_folders(places: Places) -> Iterator[Finding]:
    """Check that folders can be written to, and state the free space. Nothing is left behind."""
    for subject, path, option in (
        ("data", places.data_root, "--data-root, or set TAGBENCH_DATA"),
        ("results", places.results, "--results, or set TAGBENCH_RESULTS"),
        ("temporary", Path(tempfile.gettempdir()), "TMPDIR"),
    ):
        yield _folder(f"{subject} folder", path, option)


def _folder(subject: str, path: Path, option: str) -> Finding:
    existing = next(place for place in (path, *path.absolute().parents) if place.exists())
    elsewhere = f"Name another folder with {option}."
    if not existing.is_dir():
        return Finding(subject, "fail", f"{path}: {existing} is a file", elsewhere)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
        free = free_bytes(existing)
    except OSError as error:
        return Finding(subject, "fail", f"{path} cannot be written to: {error.strerror}", elsewhere)
    text = f"{path}: {human_bytes(free)} free"
    if free < _FEW:
        level: Level = "fail" if free < _LEAST else "warn"
        return Finding(subject, level, text, f"Free some space. {elsewhere}")
    return Finding(subject, "OK", text if path.exists() else f"{text}; it will be created")


def check_checkpoints(places: Places) -> Iterator[Finding]:
    """List the imported checkpoints by their cards; weights are not read."""
    from benchmark.config.card import CARD, WEIGHTS, read_card

    folder = places.checkpoints
    found: list[str] = []
    broken: list[str] = []
    for card in sorted(folder.glob(f"*/{CARD}")):
        try:
            read_card(card.parent)
        except TagbenchError:
            broken.append(card.parent.name)
            continue
        complete = (card.parent / WEIGHTS).is_file()
        (found if complete else broken).append(card.parent.name)
    if broken:
        text = f"{folder}: incomplete or of another version: {', '.join(broken)}"
        yield Finding("checkpoints", "warn", text, "Delete these folders, and import them again.")
    if found:
        yield Finding("checkpoints", "OK", f"{folder}: {', '.join(found)}")
    elif not broken:
        remedy = "To download four pretrained taggers (29 MB): tagbench pretrained"
        yield Finding("checkpoints", "OK", f"{folder}: none", remedy)
