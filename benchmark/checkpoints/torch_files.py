"""Read ``.pth`` files of other programs, without running code from them."""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.common.errors import TagbenchError

# Keys under which training scripts save the state dict beside other entries.
_NESTS = ("state_dict", "model_state_dict", "model", "network")
# Prefixes that DataParallel and Lightning modules add to every name.
_WRAPPERS = ("module", "model", "network", "net")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a state dict, and remove the prefixes that wrappers add to its names.

    Args:
        path: File written by ``torch.save``: a state dict, or a mapping that contains one.

    Raises:
        TagbenchError: The file is missing, of another kind, truncated, or would run code.
    """
    content = _load(path)
    for nest in _NESTS:
        if isinstance(content, Mapping) and isinstance(content.get(nest), Mapping):
            content = content[nest]
    named = isinstance(content, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    )
    if not named or not content:
        raise TagbenchError(
            f"{path} contains no state dict: expected tensors by name, at the top level or under "
            f"one of {', '.join(_NESTS)}; found {_describe(content)}."
        )
    return _unwrap(dict(content))


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise TagbenchError(f"Cannot read checkpoint {path}: {error.strerror}.") from error
    if reason := _not_torch(head):
        raise TagbenchError(f"{path} is not a checkpoint: {reason}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols, which do not matter here
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = "it contains objects other than tensors, which could run code"
        if "WeightsUnpickler" not in str(error) and "weights_only" not in str(error):
            reason = "it is damaged"
        raise TagbenchError(
            f"{path} cannot be read: {reason}. Expected a state dict, as "
            "torch.save(model.state_dict(), path) writes it."
        ) from error
    except (
        RuntimeError, EOFError, ValueError, LookupError, OSError, AttributeError, TypeError,
        struct.error,
    ) as error:  # fmt: skip  # of bytes that are no pickle
        cut = zipfile.is_zipfile(path) or not head.startswith(b"PK")
        reason = "it is damaged" if cut else "its end is missing"
        if not head.startswith((b"PK", b"\x80")):
            reason = "torch.save did not write it"
        raise TagbenchError(f"{path} cannot be read: {reason}. Download it again.") from error


def _not_torch(head: bytes) -> str:
    """Return why a file is not a checkpoint, by its first bytes; empty if unknown."""
    start = head.lstrip()[:64].lower()
    if not head:
        return "it is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "it is a web page; download the file itself"
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer; run 'git lfs pull' where it came from"
    return ""


def _describe(content: object) -> str:
    if isinstance(content, Mapping):
        names = ", ".join(str(name) for name in list(content)[:6])
        return f"a mapping with the keys {names}" if content else "an empty mapping"
    return f"a {type(content).__name__}"


def _unwrap(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        prefix = f"{wrapper}."
        if all(name.startswith(prefix) for name in tensors):
            return _unwrap({name.removeprefix(prefix): tensors[name] for name in tensors})
    return tensors
