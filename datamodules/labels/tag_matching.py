"""Matching of the tags of a model with those of a dataset that spells them otherwise.

Tags are matched one to one, by three rules in this order:

1. ``exact``: the names are equal.
2. ``spelling``: the names are equal after case is folded, and after runs of hyphens, underscores
   and spaces are replaced by one space: ``Hip-Hop`` and ``hip hop``, but not ``hiphop``.
3. ``alias``: ``files/tag_aliases.csv``, or a table of the user, states that the tags mean the
   same. The names in the table are compared by the rule ``spelling``.

A rule applies to the tags that no earlier rule has matched. Where it gives a tag more than one
partner, the tag and its partners are *ambiguous* and remain without one: a mean or a choice of
several outputs would be another model.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from datamodules.common.errors import TagbenchError

ALIASES = Path(__file__).parent / "files" / "tag_aliases.csv"
"""The reviewed aliases."""

COLUMNS = ("dataset", "tag", "other_dataset", "other_tag", "note")
"""Columns of a table of aliases."""

EXACT, SPELLING, ALIAS = "exact", "spelling", "alias"
"""Rules by which tags are matched."""


@dataclass(frozen=True)
class TagAlias:
    """Two tags that mean the same, in either direction.

    Attributes:
        dataset: Name of a dataset that has ``tag``; a pattern such as ``jamendo*``, or ``*``.
        tag: Its spelling there.
        other_dataset: Name or pattern of a dataset that has ``other_tag``.
        other_tag: The spelling there.
    """

    dataset: str
    tag: str
    other_dataset: str
    other_tag: str

    def pairs(self, dataset: str, other: str) -> list[tuple[str, str]]:
        """Return the tag of one dataset and the tag of another that are the same by this alias.

        The names are those that `plain` returns. None fits if the alias is for other datasets.
        """
        pairs = []
        if fnmatchcase(dataset, self.dataset) and fnmatchcase(other, self.other_dataset):
            pairs.append((plain(self.tag), plain(self.other_tag)))
        if fnmatchcase(dataset, self.other_dataset) and fnmatchcase(other, self.dataset):
            pairs.append((plain(self.other_tag), plain(self.tag)))
        return pairs


@dataclass(frozen=True)
class TagMatch:
    """Tags of a model that stand for tags of a dataset.

    Attributes:
        outputs: Tag of the model for each matched tag of the dataset, in the order of the latter.
        rules: Rule that matched each of them.
        ambiguous: Partners of the tags that are ambiguous, both tags of the dataset and of the
            model. A name that both have is matched, and never among them.
    """

    outputs: Mapping[str, str]
    rules: Mapping[str, str]
    ambiguous: Mapping[str, tuple[str, ...]]

    @property
    def renamed(self) -> dict[str, str]:
        """The matched tags that the model spells otherwise, by their name in the dataset."""
        return {tag: output for tag, output in self.outputs.items() if tag != output}


def read_aliases(*paths: Path) -> tuple[TagAlias, ...]:
    """Read tables of aliases: CSV files in UTF-8 with the columns `COLUMNS`.

    Args:
        paths: Files; ``note`` states why the tags are the same, and may be empty.

    Raises:
        TagbenchError: A file cannot be read, its columns are others, or a value is missing.
    """
    aliases: list[TagAlias] = []
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                reader = csv.DictReader(lines)
                header, rows = tuple(reader.fieldnames or ()), list(reader)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise TagbenchError(f"Cannot read the table of tag aliases {path}: {error}.") from error
        if header != COLUMNS:
            raise TagbenchError(
                f"{path}: a table of tag aliases has the columns {','.join(COLUMNS)}, got "
                f"{','.join(header) or 'an empty file'}."
            )
        for number, row in enumerate(rows, start=2):
            values = [str(row[name] or "").strip() for name in COLUMNS[:-1]]
            if not all(values):
                raise TagbenchError(
                    f"{path}, row {number}: expected values in {', '.join(COLUMNS[:-1])}, got "
                    f"{values}. Write * for any dataset."
                )
            aliases.append(TagAlias(*values))
    return tuple(aliases)


def match_tags(
    dataset: str,
    tags: Sequence[str],
    model_dataset: str,
    outputs: Sequence[str],
    aliases: Iterable[TagAlias],
) -> TagMatch:
    """Match the outputs of a model with the tags of a dataset, see the rules of this module.

    Args:
        dataset: Name of the dataset.
        tags: Its tags.
        model_dataset: Name of the dataset that the model was trained on.
        outputs: Tags of the model.
        aliases: Tags that mean the same.
    """
    pairs = {pair for alias in aliases for pair in alias.pairs(dataset, model_dataset)}
    rules: dict[str, Callable[[str, str], bool]] = {
        EXACT: lambda tag, output: tag == output,
        SPELLING: lambda tag, output: plain(tag) == plain(output),
        ALIAS: lambda tag, output: (plain(tag), plain(output)) in pairs,
    }
    found: dict[str, tuple[str, str]] = {}
    several: dict[str, tuple[str, ...]] = {}
    for rule, same in rules.items():
        own = [tag for tag in tags if tag not in found and tag not in several]
        taken = {output for output, _ in found.values()} | {*several}
        free = [output for output in outputs if output not in taken]
        of_tag = {tag: [output for output in free if same(tag, output)] for tag in own}
        of_output = {output: [tag for tag in own if output in of_tag[tag]] for output in free}
        for tag, partners in of_tag.items():
            if len(partners) == len(of_output[partners[0]] if partners else ()) == 1:
                found[tag] = (partners[0], rule)
            elif partners:
                several[tag] = tuple(partners)
                several |= {o: tuple(of_output[o]) for o in partners if o not in several}
    return TagMatch(
        {tag: found[tag][0] for tag in tags if tag in found},
        {tag: found[tag][1] for tag in tags if tag in found},
        several,
    )


@cache
def plain(tag: str) -> str:
    """Return a tag without the differences of spelling that do not matter."""
    return re.sub(r"[-_\s]+", " ", tag).strip().casefold()
