"""Choice of the tags that a model is trained on, so that the others are new to it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.labels.vocabularies import FILES, read_tags

TagSubset = str | float | tuple[str, ...] | None
"""Name of a list in ``datamodules/labels/files``, a share of the tags, tags, or None for all."""


def choose_tags(subset: TagSubset, tags: Sequence[str]) -> tuple[str, ...]:
    """Return some of the tags of a dataset, in their order.

    Args:
        subset: None for all tags. A name such as ``mtat_top50``: the tags of the list of that name.
            A share between 0 and 1: that many tags, rounded, those whose sha256 comes first, so
            that the choice depends on the tags alone. Tags: these.
        tags: Tags of the dataset.

    Raises:
        TagbenchError: There is no such list, a tag is not one of the dataset, or none is left.
    """
    if subset is None:
        return tuple(tags)
    if isinstance(subset, float):
        if not 0 < subset < 1:
            raise TagbenchError(
                f"trained_tags: expected a share between 0 and 1, a list or tags, found {subset}."
            )
        count = max(1, round(subset * len(tags)))
        chosen = set(sorted(tags, key=lambda tag: hashlib.sha256(tag.encode()).digest())[:count])
    elif isinstance(subset, str):
        names = sorted(path.stem for path in FILES.glob("*.txt"))
        if subset not in names:
            raise unknown_name("list of tags", subset, names, "trained_tags")
        chosen = set(read_tags(FILES / f"{subset}.txt"))
    else:
        chosen = set(subset)
        for tag in sorted(chosen - set(tags)):
            raise unknown_name("tag", tag, tags, "trained_tags")
    kept = tuple(tag for tag in tags if tag in chosen)
    if not kept:
        raise TagbenchError(f"trained_tags: the dataset has no tag of the list {subset!r}.")
    return kept
