"""`load_pickle`: read a pickle from the internet without running what it names.

A pickle may name any function of any module and have it called. Only those are found here that
build plain values and NumPy arrays. This is no sandbox: a file made to confuse NumPy's own
unpickling is not stopped, so publishers' checksums still count.
"""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.common.errors import TagbenchError


class _RefusedError(Exception):
    """Something that a pickle has no business with."""


def _encode(text: str, encoding: str) -> bytes:
    """Stand in for ``_codecs.encode``, with which old protocols write bytes from Python 3."""
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
    # NumPy 2 moved its core from `core` to `_core`. What they are is asked of NumPy itself.
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
    """Load a pickle that holds plain values and NumPy arrays.

    Strings of Python 2 are read as latin-1, so its byte strings come as ``str``.

    Args:
        path: A pickle of any protocol, from Python 2 or 3.

    Raises:
        TagbenchError: If the file names anything else, or is damaged.
    """
    try:
        with path.open("rb") as file:
            return _Unpickler(file, encoding="latin1").load()
    except _RefusedError as error:
        raise TagbenchError(
            f"{path} is not loaded: it asks for {error}, and only plain values and NumPy arrays "
            "are expected in it. Do not open it with other programs; get it from its publisher."
        ) from None
    except _BROKEN as error:
        raise TagbenchError(
            f"{path} is not a whole pickle ({error}). Delete it and run the same command again."
        ) from error
