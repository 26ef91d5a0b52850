"""Facts about published datasets that are stored as data: files, counts, digests, references.

They are in ``datasets/files``: ``<name>.json``, tables in CSV, lists in text, and
``references.bib``.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datamodules.common.errors import TagbenchError
from datamodules.corpus.completeness import Expected
from datamodules.download.remote_file import Checksum, RemoteFile

FOLDER = Path(__file__).parent / "datasets" / "files"
"""Folder of the data files."""


@dataclass(frozen=True)
class PublishedFacts:
    """Content of one ``<name>.json``.

    Attributes:
        expected: Counts and digest of the published list of tracks, by variant.
        files: Files of the publisher by group and variant, such as ``files["lists"]["top50/0"]``.
        errata: Tracks whose published audio is unusable, by track id, with the reason.
        archive_bytes: Approximate size of the audio archives of a variant in bytes, where the
            publisher does not state the size of each file.
        hosts: Addresses below which the audio archives are served, in the order of preference.
        checksums: Checksums of files that users bring themselves, by name.
    """

    expected: Mapping[str, Expected]
    files: Mapping[str, Mapping[str, tuple[RemoteFile, ...]]] = field(default_factory=dict)
    errata: Mapping[str, str] = field(default_factory=dict)
    archive_bytes: Mapping[str, int] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    checksums: Mapping[str, Checksum] = field(default_factory=dict)

    def single(self, group: str, variant: str = "all") -> RemoteFile:
        """Return the only file of a group and variant."""
        (remote,) = self.files[group][variant]
        return remote

    def by_variant(self, group: str) -> dict[str, RemoteFile]:
        """Return the only file of each variant of a group."""
        return {variant: self.single(group, variant) for variant in self.files[group]}


def load_facts(name: str) -> PublishedFacts:
    """Read ``<name>.json``."""
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    files = {
        group: {variant: tuple(map(_remote_file, remotes)) for variant, remotes in variants.items()}
        for group, variants in content.pop("files", {}).items()
    }
    expected = {variant: Expected(**counts) for variant, counts in content.pop("expected").items()}
    errata = {
        track_id: reason
        for reason, track_ids in content.pop("errata", {}).items()
        for track_id in track_ids
    }
    hosts = tuple(content.pop("hosts", ()))
    return PublishedFacts(files=files, expected=expected, errata=errata, hosts=hosts, **content)


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


def read_words(name: str) -> frozenset[str]:
    """Return the words of a text file, which are separated by white space."""
    return frozenset((FOLDER / name).read_text(encoding="utf-8").split())


def read_table(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file by the names in its header."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _remote_file(fields: dict[str, Any]) -> RemoteFile:
    return RemoteFile(**{**fields, "urls": tuple(fields["urls"])})
