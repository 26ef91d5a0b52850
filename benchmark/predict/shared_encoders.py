"""Run the encoder that several models build on once for each batch of windows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from benchmark.config.identity import canonical
from lightning_modules.base import TaggingModule
from lightning_modules.frozen.head import EncoderHead, VectorCache


def share_encoders(modules: Iterable[TaggingModule]) -> None:
    """Let models whose encoders are equal have one encoder, which is in memory once.

    Encoders are equal if they have one class, the same parameters and bitwise equal weights.

    Args:
        modules: Models in evaluation mode, on one device.
    """
    heads = [module for module in modules if isinstance(module, EncoderHead)]
    if len(heads) < 2:
        return
    first: dict[str, TaggingModule] = {}
    for head in heads:
        head.encoder = first.setdefault(_fingerprint(head), head.encoder)


def heads_by_encoder(modules: Iterable[TaggingModule]) -> list[list[EncoderHead]]:
    """Group the models that have one encoder with others, see `share_encoders`."""
    groups: dict[int, list[EncoderHead]] = {}
    for module in modules:
        if isinstance(module, EncoderHead):
            groups.setdefault(id(module.encoder), []).append(module)
    return [group for group in groups.values() if len(group) > 1]


@contextmanager
def shared_vectors(groups: Sequence[Sequence[EncoderHead]]) -> Iterator[None]:
    """Let the models of a group compute the vectors of a batch once, within the block."""
    try:
        for group in groups:
            cache = VectorCache()
            for head in group:
                head.cache = cache
        yield
    finally:
        for group in groups:
            for head in group:
                head.cache = None


def _fingerprint(head: EncoderHead) -> str:
    described = head.hparams["encoder"]
    digest = hashlib.sha256(canonical([described["class_path"], described["params"]]).encode())
    for name, value in head.encoder.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
