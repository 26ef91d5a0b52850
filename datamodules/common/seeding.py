"""Randomness as a function of content: the same key gives the same stream anywhere."""

from __future__ import annotations

import hashlib

import numpy as np

Key = str | int | float


def _digest(parts: tuple[Key, ...]) -> bytes:
    # The type is part of the key, so that 1 and "1" are different streams.
    text = "\x1f".join(f"{type(part).__name__}:{part!r}" for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=32).digest()


def seed_for(*parts: Key) -> int:
    """Return a seed in ``[0, 2**63)`` that depends on ``parts`` alone."""
    return int.from_bytes(_digest(parts)[:8], "little") >> 1


def rng_for(*parts: Key) -> np.random.RandomState:
    """Return a generator whose stream depends on ``parts`` alone.

    ``RandomState`` and not ``Generator``: only its streams are frozen across NumPy versions
    (NEP 19), and a published perturbation must sound the same years later.
    """
    return np.random.RandomState(np.frombuffer(_digest(parts), dtype="<u4"))
