"""Seeds and generators derived from content: the same key gives the same stream everywhere."""

from __future__ import annotations

import hashlib

import numpy as np

Key = str | int | float


def _digest(parts: tuple[Key, ...]) -> bytes:
    # The type is part of the key, so that 1 and "1" give different streams.
    text = "\x1f".join(f"{type(part).__name__}:{part!r}" for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=32).digest()


def seed_for(*parts: Key) -> int:
    """Return a seed in ``[0, 2**63)`` that is a function of ``parts``."""
    return int.from_bytes(_digest(parts)[:8], "little") >> 1


def rng_for(*parts: Key) -> np.random.RandomState:
    """Return a generator whose stream is a function of ``parts``.

    It is a ``RandomState`` and not a ``Generator``, because NumPy guarantees the same stream in
    every version only for ``RandomState`` (NEP 19), and a published perturbation must not change.
    """
    return np.random.RandomState(np.frombuffer(_digest(parts), dtype="<u4"))
