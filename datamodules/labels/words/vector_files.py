"""Readers of word vectors: word2vec (text and binary) and GloVe (text).

They keep the vectors of given words only, so that a file of several gigabytes takes little memory.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.common.errors import TagbenchError
from datamodules.labels.words.forms import Float32, tag_vectors, wanted_entries

_CHUNK = 1 << 22
_LONGEST_WORD = 1 << 12


@dataclass(frozen=True)
class VectorFile:
    """A file of word vectors, also compressed by gzip.

    A name that ends with ``.bin`` is in the binary format of word2vec. Others are text: a word and
    its values in each line, separated by spaces; a first line of two integers, as in word2vec, is
    the number of words and of values.

    Args:
        path: The file.
    """

    path: Path

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name

    def identity(self) -> dict[str, Any]:
        """Return the digest of the file."""
        status = _existing(self.path).stat()
        digest = _digest(self.path.resolve(), status.st_size, status.st_mtime_ns)
        return {"kind": "word vectors", "sha256": digest}

    def vectors(self, tags: tuple[str, ...]) -> Float32:
        """Return the vectors of tags, float32 (C, size); see `tag_vectors`.

        Raises:
            TagbenchError: The file is missing or damaged, or tags have no vector.
        """
        return tag_vectors(tags, self.read(wanted_entries(tags)), str(self.path))

    def read(self, words: Collection[str]) -> dict[str, Float32]:
        """Return the vectors of those words that the file has; of a repeated one the first."""
        wanted = {word.encode(): word for word in words}
        binary = self.path.name.removesuffix(".gz").endswith(".bin")
        entries = self._binary if binary else self._text
        found: dict[str, Float32] = {}
        try:
            with self._open() as file:
                for number, word, values in entries(file, wanted):
                    if not np.isfinite(values).all():
                        raise self._damaged(number, f"a value of {word!r} is not finite")
                    found.setdefault(word, values)
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            raise TagbenchError(f"Cannot read the word vectors {self.path}: {error}.") from error
        return found

    def _open(self) -> BufferedIOBase:
        path = _existing(self.path)
        return gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb")

    def _text(
        self, file: BufferedIOBase, wanted: dict[bytes, str]
    ) -> Iterator[tuple[int, str, Float32]]:
        """Yield number, word and values of the wanted lines."""
        size = 0
        for number, line in enumerate(file, 1):
            fields = line.split()
            if number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
                size = int(fields[1])
                continue
            if not fields:
                continue
            size = size or len(fields) - 1
            # A word may hold spaces; its values are the last fields.
            if len(fields) <= size or size < 1:
                raise self._damaged(number, f"expected a word and {max(size, 1)} values")
            word = b" ".join(fields[:-size])
            if word in wanted:
                try:
                    values = np.array([float(field) for field in fields[-size:]], np.float32)
                except ValueError:
                    raise self._damaged(number, "expected numbers after the word") from None
                yield number, wanted[word], values
        if not size:
            raise self._damaged(1, "the file is empty")

    def _binary(
        self, file: BufferedIOBase, wanted: dict[bytes, str]
    ) -> Iterator[tuple[int, str, Float32]]:
        """Yield number, word and values of the wanted entries."""
        header = file.readline(_LONGEST_WORD).split()
        if len(header) != 2 or not all(field.isdigit() for field in header):
            raise self._damaged(1, "expected the number of words and of values")
        count, size = int(header[0]), int(header[1])
        width, buffer, at = 4 * size, b"", 0
        for number in range(1, count + 1):
            end = buffer.find(b" ", at)
            while end < 0 or len(buffer) < end + 1 + width:
                if end < 0 and len(buffer) - at > _LONGEST_WORD:
                    raise self._damaged(number, "expected a word and a space")
                chunk = file.read(max(_CHUNK, width))
                if not chunk:
                    raise self._damaged(number, f"the file ends; expected {count} words")
                buffer, at = buffer[at:] + chunk, 0
                end = buffer.find(b" ")
            word = buffer[at:end].lstrip(b"\n")  # some writers end an entry with a line break
            if word in wanted:
                values = np.frombuffer(buffer, "<f4", size, end + 1).astype(np.float32)
                yield number, wanted[word], values
            at = end + 1 + width

    def _damaged(self, number: int, reason: str) -> TagbenchError:
        return TagbenchError(
            f"The word vectors {self.path} are damaged at entry {number}: {reason}. Expected "
            "word2vec (text, or binary with the extension .bin) or GloVe; download the file again."
        )


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise TagbenchError(
            f"There is no file of word vectors {path}. Expected word2vec (text, or binary with the "
            "extension .bin) or GloVe; see docs/retrieval.md."
        )
    return path


@lru_cache(maxsize=8)
def _digest(path: Path, size: int, modified: int) -> str:
    """Return the sha256 of a file of this size and time of change."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
