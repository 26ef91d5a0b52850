"""Announcement of a download: its size, its duration, and the disk space that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datamodules.common.filesystem import check_disk_space, free_bytes
from datamodules.common.formatting import human_bytes
from datamodules.common.progress import Progress

_BYTES_PER_SECOND = 10e6  # assumed speed of the connection


@dataclass(frozen=True)
class DownloadEstimate:
    """What the download of a dataset and its preparation need.

    Attributes:
        download_bytes: Size of the files to be downloaded, in bytes.
        corpus_bytes: Size of the prepared corpus, in bytes.
        unknown_files: Number of files of unknown size, which ``download_bytes`` does not include.
        peak_bytes: Most bytes of the download that are on the disk at any time; None if all are.
    """

    download_bytes: int
    corpus_bytes: float
    unknown_files: int = 0
    peak_bytes: int | None = None

    def announce(self, name: str, downloads: Path, root: Path, progress: Progress) -> None:
        """Announce the download, and check that the disk can hold it.

        Args:
            name: Name of the dataset.
            downloads: Folder to download to.
            root: Folder of the prepared corpora, on whose disk the space is checked.
            progress: Receives the announcement.

        Raises:
            TagbenchError: The disk has less free space than the estimate.
        """
        root.mkdir(parents=True, exist_ok=True)
        unknown = f" and {self.unknown_files} files of unknown size" if self.unknown_files else ""
        kept, peak = self.download_bytes, ""
        if self.peak_bytes is not None:
            kept = self.peak_bytes
            peak = f" (at most {human_bytes(kept)} on the disk at any time)"
        minutes = self.download_bytes / _BYTES_PER_SECOND / 60
        progress.announce(
            f"{name}: {human_bytes(self.download_bytes)}{unknown} to be downloaded to "
            f"{downloads}{peak}, about {minutes:,.0f} minutes at "
            f"{human_bytes(_BYTES_PER_SECOND)}/s. The prepared corpus takes about "
            f"{human_bytes(self.corpus_bytes)} more; {human_bytes(free_bytes(root))} are free."
        )
        remedy = "name another folder with --data-root"
        check_disk_space(root, self.corpus_bytes + kept, name, remedy=remedy)
