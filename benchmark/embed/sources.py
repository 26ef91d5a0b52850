"""The tracks of a table of embeddings: audio files, or the tracks of a prepared dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmark.predict.audio_files import AudioFile, decoded_files, find_audio
from benchmark.predict.inference import Audio
from benchmark.store.files import file_sha256
from datamodules.audio.decode import DECODER_REVISION
from datamodules.common.canonical_json import digest_rows
from datamodules.common.errors import TagbenchError
from datamodules.common.progress import Progress
from datamodules.corpus.corpus import Corpus
from datamodules.views.resample import at_rate

_HASHING = 4  # threads; hashlib and reading release the GIL


class TrackSource(Protocol):
    """Tracks with an id and a digest of their audio."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the samples of a track depend on beside the digest of its audio."""

    def track_ids(self) -> Sequence[str]:
        """Return the ids of all tracks, sorted."""

    def digests(self, progress: Progress) -> dict[str, str]:
        """Return the digest of the audio of each track; empty if it cannot be known beforehand."""

    def read(self, track_ids: Sequence[str], sample_rate: int) -> Iterator[tuple[str, Audio | str]]:
        """Yield the samples (T,) of tracks, or the reason why one cannot be read, in order."""


class FileSource:
    """Audio files. The id of a track is its path relative to the folder that was given.

    Args:
        paths: Files and folders, in any order.

    Raises:
        TagbenchError: Two files have the same id, or a folder holds no audio.
    """

    identity: Mapping[str, Any] = {"kind": "files", "decoder": DECODER_REVISION}

    def __init__(self, paths: Iterable[Path]) -> None:
        # Folders first, so that the id of a file that is given twice has one form.
        ordered = sorted(paths, key=lambda path: (not path.is_dir(), len(path.parts), str(path)))
        self._files: dict[str, AudioFile] = {}
        for file in find_audio(ordered):
            other = self._files.setdefault(file.name, file)
            if other is not file:
                raise TagbenchError(
                    f"{other.path} and {file.path} would have the same id, {file.name!r}. Give the "
                    "folder that contains both."
                )

    def track_ids(self) -> Sequence[str]:
        """Return the ids of all files, sorted."""
        return sorted(self._files)

    def digests(self, progress: Progress) -> dict[str, str]:
        """Return the sha256 of the content of each file; of a pipe or a missing file, nothing."""
        names = self.track_ids()
        digests: dict[str, str] = {}
        progress.start(len(names), unit="files", title="read")
        try:
            with ThreadPoolExecutor(_HASHING) as pool:
                for name, digest in zip(names, pool.map(self._digest, names), strict=True):
                    digests[name] = digest
                    progress.advance()
        finally:
            progress.finish()
        return digests

    def read(self, track_ids: Sequence[str], sample_rate: int) -> Iterator[tuple[str, Audio | str]]:
        """Yield the samples (T,) of files, or the reason why one cannot be read, in order."""
        for name in track_ids:
            if not _is_text(name):
                yield name, "its name is not valid UTF-8: rename the file"
        files = [self._files[name] for name in track_ids if _is_text(name)]
        for file, audio in decoded_files(files, sample_rate):
            yield file.name, audio

    def _digest(self, name: str) -> str:
        path = self._files[name].path
        try:
            return file_sha256(path) if path.is_file() else ""
        except OSError:
            return ""  # decoding it fails too, and states the reason


class CorpusSource:
    """Tracks of a prepared dataset, under their ids in its manifest.

    Args:
        corpus: The prepared dataset.
        split: Name of a split; empty for all tracks.

    Raises:
        TagbenchError: There is no such split, or it is empty.
    """

    def __init__(self, corpus: Corpus, split: str = "") -> None:
        self.corpus = corpus
        rows = corpus.rows(split) if split else np.arange(len(corpus))
        if not len(rows):
            raise TagbenchError(f"The split {split!r} of {corpus.name!r} has no tracks.")
        self._rows = {str(corpus.track_ids[row]): int(row) for row in rows}
        self.identity: Mapping[str, Any] = {
            "kind": "dataset",
            "dataset": corpus.name,
            "sample_rate": corpus.sample_rate,
        }

    def track_ids(self) -> Sequence[str]:
        """Return the ids of all tracks, sorted."""
        return sorted(self._rows)

    def digests(self, progress: Progress) -> dict[str, str]:
        """Return a digest of the stored samples of each track and of their scale."""
        table = self.corpus.frame.loc[list(self._rows.values()), ["audio_sha256", "scale"]]
        pairs = table.itertuples(index=False)
        return {
            name: digest_rows([[str(digest), float(scale)]])
            for name, (digest, scale) in zip(self._rows, pairs, strict=True)
        }

    def read(self, track_ids: Sequence[str], sample_rate: int) -> Iterator[tuple[str, Audio | str]]:
        """Yield the samples (T,) of tracks in order."""
        for name in track_ids:
            audio = self.corpus.audio(self._rows[name])
            yield name, at_rate(audio, self.corpus.sample_rate, sample_rate)


def _is_text(name: str) -> bool:
    """Whether a file name, in which Python keeps undecodable bytes, can be stored as UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
