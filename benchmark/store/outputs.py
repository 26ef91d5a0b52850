"""Digests of generated files and of their inputs, so that unchanged files are not regenerated."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmark import __version__
from benchmark.store.files import file_sha256, read_json, write_json
from benchmark.store.provenance import package_version
from datamodules.common.errors import TagbenchError

_CODE = ("config", "perturbations", "report", "score", "store")
_PACKAGES = ("numpy", "scipy", "pandas", "numba", "matplotlib", "Jinja2", "rich")


@cache
def code_digest() -> str:
    """Return a digest of the code and the package versions that tables and reports depend on."""
    digest = hashlib.sha256(__version__.encode())
    for name in _PACKAGES:
        digest.update(f"{name} {package_version(name)}\n".encode())
    root = Path(str(files("benchmark")))
    for package in _CODE:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root)} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def record_outputs(index: Path, inputs: str, paths: Iterable[Path]) -> None:
    """Write the digests of generated files, with the digest of their inputs.

    Args:
        index: File to write; the paths in it are relative to its folder.
        inputs: Digest of everything that the files depend on.
        paths: The generated files.
    """
    digests = {str(path.relative_to(index.parent)): file_sha256(path) for path in sorted(paths)}
    write_json(index, {"inputs": inputs, "files": digests})


def outputs_are_current(index: Path, inputs: str) -> bool:
    """Return whether the files of an index were generated from ``inputs`` and are unchanged."""
    try:
        document: Any = read_json(index)
        if document["inputs"] != inputs:
            return False
        return all(
            file_sha256(index.parent / name) == digest for name, digest in document["files"].items()
        )
    except (TagbenchError, OSError, KeyError, TypeError, AttributeError):
        return False
