"""Names of the published weights of Won et al. 2019."""

from __future__ import annotations


def published_name(name: str) -> str:
    """Return the name in the publication of an entry of the state dict of `SelfAttention2019`."""
    return f"classifier.{name.removeprefix('dense.')}" if name.startswith("dense.") else name
