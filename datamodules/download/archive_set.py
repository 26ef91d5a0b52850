"""`ArchiveSet`: many archives, each of which holds the members of one folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from datamodules.download.checksum_list import ChecksumList
from datamodules.download.remote_file import RemoteFile
from datamodules.download.verified_members import VerifiedMembers


@dataclass(frozen=True)
class ArchiveSet:
    """Tar archives ``<name>-<folder>.tar`` with members ``<folder>/<file>``.

    Attributes:
        name: Common part of the names of the archives.
        urls: Addresses of the folder of the archives, each with ``/`` at its end, in the order of
            preference.
        archives: Checksums of the archives.
        members: Checksums of their members.
        downloads: Folder to download to.
        into: Folder to unpack to.
    """

    name: str
    urls: tuple[str, ...]
    archives: ChecksumList
    members: ChecksumList
    downloads: Path
    into: Path

    def containing(self, members: Iterable[str]) -> list[VerifiedMembers]:
        """Return the archives that contain some members, in the order of their folders.

        Raises:
            TagbenchError: No checksum of a member or of its archive is known.
        """
        by_folder: dict[str, list[str]] = defaultdict(list)
        for member in members:
            by_folder[member.partition("/")[0]].append(member)
        return [self.archive(folder, by_folder[folder]) for folder in sorted(by_folder)]

    def archive(self, folder: str, members: Iterable[str] = ()) -> VerifiedMembers:
        """Return the archive of a folder, of which ``members`` are to be unpacked.

        Raises:
            TagbenchError: No checksum of the archive or of a member is known.
        """
        name = f"{self.name}-{folder}.tar"
        urls = tuple(f"{url}{name}" for url in self.urls)
        return VerifiedMembers(
            RemoteFile(name, urls, f"sha256:{self.archives[name]}", kind="tar"),
            {member: self.members[member] for member in members},
            self.downloads,
            self.into,
            checksum_lists=self.members.path.parent,
        )
