"""Unpacking of members that have a published checksum each, from an archive that is then deleted.

If a dataset has many archives, only one of them is on the disk at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pooch

from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import exclusive_lock
from datamodules.common.progress import Progress
from datamodules.download.extract import extract
from datamodules.download.fetch import fetch
from datamodules.download.remote_file import RemoteFile


@dataclass(frozen=True)
class VerifiedMembers:
    """Members of one archive with their checksums.

    Attributes:
        archive: The archive.
        sha256: Hexadecimal sha256 of each wanted member, by name.
        downloads: Folder to download to.
        into: Folder to unpack to.
        checksum_lists: Folder of the published checksums, for the message of an error.
    """

    archive: RemoteFile
    sha256: Mapping[str, str]
    downloads: Path
    into: Path
    checksum_lists: Path

    def are_unpacked(self) -> bool:
        """Tell whether a file of each member exists."""
        return all((self.into / name).is_file() for name in self.sha256)

    def unpack(self, progress: Progress) -> None:
        """Download the archive, unpack the members, verify them, and delete the archive.

        The archive is not downloaded if the files are there already.

        Args:
            progress: Receives the downloaded and the written bytes.

        Raises:
            TagbenchError: The download fails, or a member is absent or has another sha256. Its
                file is deleted.
        """
        self.downloads.mkdir(parents=True, exist_ok=True)
        # Another variant of the dataset may be prepared at the same time.
        with exclusive_lock(
            self.downloads / ".archives.lock",
            lambda: progress.announce(
                f"Waiting for another process that unpacks an archive of {self.downloads}"
            ),
        ):
            if not self.are_unpacked():
                path = fetch(self.archive, self.downloads, progress)
                extract(path, self.into, wanted=self.sha256.__contains__, progress=progress)
            for name, expected in self.sha256.items():
                self._verify(name, expected)
            (self.downloads / self.archive.name).unlink(missing_ok=True)

    def _verify(self, name: str, expected: str) -> None:
        path = self.into / name
        sha256 = pooch.file_hash(path) if path.is_file() else ""
        if sha256 == expected:
            return
        path.unlink(missing_ok=True)
        problem = (
            f"its sha256 is {sha256}, expected {expected}" if sha256 else "it is not in the archive"
        )
        raise TagbenchError(
            f"{name} from {self.archive.name}: {problem}. The file has been deleted: run the same "
            "command again. If the error persists, delete the lists of checksums in "
            f"{self.checksum_lists}, too."
        )
