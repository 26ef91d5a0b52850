"""`load_pickle`: load a downloaded pickle without calling arbitrary functions.

A pickle can name any function of any module, which the standard unpickler calls. `load_pickle`
accepts only the functions that build plain values and NumPy arrays. It is not a sandbox: it does
not detect files that exploit an error in NumPy's own unpickling, so checksums remain necessary.
"""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.common.errors import TagbenchError


class _RefusedError(Exception):
    """Raised for a function or class that a pickle must not name."""


def _encode(text: str, encoding: str) -> bytes:
    """Replace ``_codecs.encode``, which protocols 0 to 2 name to write bytes in Python 3."""
    if encoding != "latin1":
        raise _RefusedError(f"_codecs.encode with {encoding!r}")
    return text.encode("latin1")


_PLAIN = (set, frozenset, bytes, bytearray, complex, int, float, str, bool, list, tuple, dict)
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "long"): int,
    ("__builtin__", "unicode"): str,
    # NumPy 2 renamed `core` to `_core`. The values are taken from NumPy's public interface.
    **{(f"numpy.{core}.{place}", name): value for core in ("core", "_core")
       for place, name, value in (
           ("multiarray", "_reconstruct", np.zeros(1).__reduce__()[0]),
           ("multiarray", "scalar", np.float64(0).__reduce__()[0]),
           ("numeric", "_frombuffer", np.zeros(1).__reduce_ex__(5)[0]),
       )},
    **{(module, plain.__name__): plain
       for module in ("builtins", "__builtin__") for plain in _PLAIN},
}  # fmt: skip
_BROKEN = (
    pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError,
    OverflowError, MemoryError, struct.error,
)  # fmt: skip


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _RefusedError(f"{module}.{name}") from None


def load_pickle(path: Path) -> Any:
    """Load a pickle of plain values and NumPy arrays.

    Byte strings of Python 2 are decoded as Latin-1 and returned as ``str``.

    Args:
        path: Pickle of any protocol, written by Python 2 or 3.

    Raises:
        TagbenchError: If the file names another function or class, or is damaged.
    """
    try:
        with path.open("rb") as file:
            return _Unpickler(file, encoding="latin1").load()
    except _RefusedError as error:
        raise TagbenchError(
            f"{path} is not loaded: it refers to {error}, and only plain values and NumPy arrays "
            "are expected in it. Do not open it with other programs. Download it again from its "
            "publisher."
        ) from None
    except _BROKEN as error:
        raise TagbenchError(
            f"{path} is not a complete pickle ({error}). Delete it and run the same command again."
        ) from error
