"""Canonical JSON, which is the same text for equal values, and digests computed from it."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable


def canonical_json(value: object, *, ascii_only: bool = False) -> str:
    """Serialise a value to JSON such that equal values give equal text, for hashing.

    Keys are sorted, there is no white space, and NaN and infinity are errors.

    Args:
        value: Any value that JSON can express.
        ascii_only: Whether to escape characters outside ASCII. Digests of corpora are computed
            without the escapes, identities of benchmark cells with them.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=ascii_only, allow_nan=False
    )


def digest_rows(rows: Iterable[object], *context: object) -> str:
    """Return the SHA-256 digest (hexadecimal) of rows, one line of canonical JSON each.

    Args:
        rows: Values that JSON can express, in an order that matters. They are consumed one by one.
        context: Values that precede the rows, such as a sample rate.
    """
    digest = hashlib.sha256()
    for row in itertools.chain([context], rows):
        digest.update(canonical_json(row).encode())
        digest.update(b"\n")
    return digest.hexdigest()
