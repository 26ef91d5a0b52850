"""Facts of published datasets that are data: files to download, expected counts, references.

They lie beside the datasets, in ``datasets/files/<name>.json`` and
``datasets/files/references.bib``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.common.errors import TagbenchError
from datamodules.corpus.completeness import Expected
from datamodules.download.remote_file import RemoteFile

FOLDER = Path(__file__).parent / "datasets" / "files"


@dataclass(frozen=True)
class PublishedFacts:
    """What is stored about a published dataset.

    Attributes:
        files: Files of the publisher by group and variant, such as ``files["lists"]["top50/0"]``.
        expected: Counts and digest of the published list of tracks, by variant.
    """

    files: Mapping[str, Mapping[str, tuple[RemoteFile, ...]]]
    expected: Mapping[str, Expected]

    def single(self, group: str, variant: str = "all") -> RemoteFile:
        """Return the only file of a group and variant."""
        (remote,) = self.files[group][variant]
        return remote

    def by_variant(self, group: str) -> dict[str, RemoteFile]:
        """Return the only file of each variant of a group."""
        return {variant: self.single(group, variant) for variant in self.files[group]}


def load_facts(name: str) -> PublishedFacts:
    """Read ``<name>.json``."""
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    files = {
        group: {variant: tuple(map(_remote_file, remotes)) for variant, remotes in variants.items()}
        for group, variants in content["files"].items()
    }
    expected = {variant: Expected(**counts) for variant, counts in content["expected"].items()}
    return PublishedFacts(files, expected)


def bibtex(key: str) -> str:
    """Return the BibTeX entry of a key in ``references.bib``.

    Raises:
        TagbenchError: There is no such entry.
    """
    path = FOLDER / "references.bib"
    for entry in path.read_text(encoding="utf-8").split("\n\n"):
        if re.match(rf"@\w+\{{{re.escape(key)},", entry.strip()):
            return entry.strip()
    raise TagbenchError(f"{path} has no entry {key!r}.")


def lines_of(name: str) -> frozenset[str]:
    """Return the lines of a text file beside the datasets."""
    return frozenset((FOLDER / name).read_text(encoding="utf-8").split())


def _remote_file(fields: dict[str, Any]) -> RemoteFile:
    return RemoteFile(**{**fields, "urls": tuple(fields["urls"])})
