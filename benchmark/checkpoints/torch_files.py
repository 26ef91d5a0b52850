"""Reading other people's ``.pth`` files: tensors or a clear error, and never their code."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.common.errors import TagbenchError

# Where training scripts put the state dict when they save more than that.
_NESTS = ("state_dict", "model_state_dict", "model", "network")
# What DataParallel and Lightning modules put before every name.
_WRAPPERS = ("module", "model", "network", "net")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a state dict, without what wrappers put before its names.

    Args:
        path: File that ``torch.save`` wrote: a state dict, or a mapping that holds one.

    Raises:
        TagbenchError: The file is missing, is no such file, is cut off, or would run code.
    """
    found = _load(path)
    for nest in _NESTS:
        if isinstance(found, Mapping) and isinstance(found.get(nest), Mapping):
            found = found[nest]
    named = isinstance(found, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    )
    if not named or not found:
        raise TagbenchError(
            f"{path} holds no state dict: expected tensors by name, at the top or under one of "
            f"{', '.join(_NESTS)}; found {_describe(found)}."
        )
    return _unwrap(dict(found))


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise TagbenchError(f"Cannot read checkpoint {path}: {error.strerror}.") from error
    if reason := _not_torch(head):
        raise TagbenchError(f"{path} is no checkpoint: {reason}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols: it loads or it does not
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = "it holds objects other than tensors, whose code would have to run"
        if "WeightsUnpickler" not in str(error) and "weights_only" not in str(error):
            reason = "it is damaged"
        raise TagbenchError(
            f"{path} cannot be read: {reason}. Expected a state dict, as "
            "torch.save(model.state_dict(), path) writes it."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError, AttributeError) as error:
        cut = zipfile.is_zipfile(path) or not head.startswith(b"PK")
        reason = "it is damaged" if cut else "its end is missing"
        raise TagbenchError(f"{path} cannot be read: {reason}. Download it again.") from error


def _not_torch(head: bytes) -> str:
    """Return what a file is instead of a checkpoint, as far as its first bytes tell."""
    start = head.lstrip()[:64].lower()
    if not head:
        return "it is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "it is a web page; download the file itself"
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer; run 'git lfs pull' where it came from"
    return ""


def _describe(found: object) -> str:
    if isinstance(found, Mapping):
        names = ", ".join(str(name) for name in list(found)[:6])
        return f"a mapping with the keys {names}" if found else "an empty mapping"
    return f"a {type(found).__name__}"


def _unwrap(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        prefix = f"{wrapper}."
        if all(name.startswith(prefix) for name in tensors):
            return _unwrap({name.removeprefix(prefix): tensors[name] for name in tensors})
    return tensors
