"""The published folder: it appears complete or not at all, and only its own files are replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from benchmark import __version__
from benchmark.config.card import CARD, read_card
from benchmark.store.files import file_sha256, read_json, write_json
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.filesystem import PARTIAL

MARKER = "published.json"
"""File with the digest of every published file, by which a folder is recognised."""

MODELS = "models"
"""Folder of the folders of checkpoints."""

FORMAT = 1
_NAMED = 3  # files that an error names


@contextmanager
def new_folder(target: Path, dataset: str) -> Iterator[Path]:
    """Give a folder to write to, which takes the place of ``target`` when the block ends.

    Args:
        target: The published folder.
        dataset: Name of the dataset, for the marker.

    Raises:
        TagbenchError: ``target`` holds something that `tagbench publish` did not write.
    """
    check_target(target)
    target = target.resolve()
    partial = target.with_name(f".{target.name}.{os.getpid()}{PARTIAL}")
    old = partial.with_suffix(".old")
    partial.mkdir(parents=True)
    try:
        yield partial
        digests = {name: file_sha256(partial / name) for name in _files(partial)}
        marker = {"format": FORMAT, "dataset": dataset, "tagbench": __version__, "files": digests}
        write_json(partial / MARKER, marker)
        if target.exists():
            target.rename(old)
        partial.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_target(target: Path) -> None:
    """Check that a folder is missing, empty, or an unchanged publication.

    Raises:
        TagbenchError: It is not.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise TagbenchError(f"{target} is a file. Name a new folder with --to.")
    present = _files(target)
    if not present:
        return
    if MARKER not in present:
        raise TagbenchError(
            f"{target} is not empty, and tagbench publish did not write it: it holds "
            f"{_some(present)}. Name a new or an empty folder with --to."
        )
    listed: dict[str, str] = read_json(target / MARKER)["files"]
    own = [
        name
        for name in present
        if name != MARKER and (name not in listed or file_sha256(target / name) != listed[name])
    ]
    if own:
        raise TagbenchError(
            f"{target} holds files that were added or edited after it was published: {_some(own)}. "
            "They would be lost. Move them to another place, or name another folder with --to."
        )


def checkpoint_folder(path: Path, model: str = "") -> Path:
    """Return the folder of a model in a published folder; another path is returned as it is.

    Args:
        path: Published folder, or the path of a checkpoint.
        model: Name of a folder in ``models/``; it may be left out where there is only one.

    Raises:
        TagbenchError: The folder holds no such model, or several and none is named.
    """
    if not (path / MARKER).is_file():
        if model:
            raise TagbenchError(
                f"{path} is not a published folder: it has no {MARKER}. Name the folder that "
                "tagbench publish wrote, or the folder of one model and no model."
            )
        return path
    found = {folder.parent.name: folder.parent for folder in path.glob(f"{MODELS}/*/{CARD}")}
    if model:
        if model not in found:
            raise unknown_name("model", model, sorted(found), str(path))
        return found[model]
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise TagbenchError(
            f"{path} was published without weights. Publish it again without --no-weights."
        )
    names = sorted(found)
    raise TagbenchError(
        f"{path} holds {len(names)} models: {', '.join(names)}. Name the folder of one, such as "
        f"{found[names[0]]}."
    )


def check_class_is_elsewhere(path: Path) -> None:
    """Check that the class that a card names is not imported from the folder of the card.

    Python finds modules in the working folder, so that code that was downloaded with a checkpoint
    could run.

    Args:
        path: Folder of a checkpoint, or a file in it.

    Raises:
        TagbenchError: The folder has a module of that name, which would be imported.
    """
    folder = (path if path.is_dir() else path.parent).resolve()
    if not (folder / CARD).is_file():
        return
    package = read_card(folder).class_path.partition(".")[0]
    spec = find_spec(package) if package.isidentifier() else None
    places = [*(spec.submodule_search_locations or ()), spec.origin or ""] if spec else []
    if any(folder in Path(place).resolve().parents for place in places if place):
        raise TagbenchError(
            f"The card in {folder} names a class of {package}, which lies in the same folder. Code "
            "of a downloaded checkpoint is not run: change to another working folder."
        )


def _files(folder: Path) -> list[str]:
    """Return the files below a folder, relative to it, sorted."""
    paths = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
