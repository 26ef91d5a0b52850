"""The tags that the models of a leaderboard are compared on.

Models are compared on the tags that all of them and the corpus have. A model that is trained here
has all tags of its corpus; an imported one has those that `datamodules.labels.tag_matching` finds.
Without imported models the tags are those of the corpus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from datamodules.common.errors import TagbenchError
from datamodules.labels.tag_matching import EXACT, TagAlias, TagMatch, match_tags

FEWEST = 2
"""Shared tags that a comparison needs, unless the corpus has fewer itself."""


@dataclass(frozen=True)
class Outputs:
    """The tags that an imported model predicts.

    Attributes:
        model: Name of the model.
        trained_on: Name of the dataset that it was trained on.
        tags: The tags in the order of its outputs.
    """

    model: str
    trained_on: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class MatchedTags:
    """The tags of an imported model, and those of the corpus that they stand for.

    Attributes:
        trained_on: Name of the dataset that the model was trained on.
        tags: The tags in the order of its outputs.
        matched: Tag of the model by tag of the corpus.
        rules: Rule that matched them, for tags that the model spells otherwise.
        ambiguous: See `datamodules.labels.tag_matching.TagMatch`.
    """

    trained_on: str
    tags: tuple[str, ...]
    matched: Mapping[str, str]
    rules: Mapping[str, str]
    ambiguous: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, outputs: Outputs, match: TagMatch) -> Self:
        """Return the tags of a model with their match."""
        rules = {tag: rule for tag, rule in match.rules.items() if rule != EXACT}
        return cls(outputs.trained_on, outputs.tags, match.outputs, rules, match.ambiguous)

    @property
    def renamed(self) -> dict[str, str]:
        """The tags that the model spells otherwise: its spelling by that of the corpus."""
        return {tag: self.matched[tag] for tag in self.rules}

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "trained_on": self.trained_on,
            "tags": list(self.tags),
            "matched": dict(self.matched),
            "rules": dict(self.rules),
            "ambiguous": {tag: list(partners) for tag, partners in self.ambiguous.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return what `to_json` has written."""
        ambiguous = {tag: tuple(partners) for tag, partners in content["ambiguous"].items()}
        return cls(
            content["trained_on"], tuple(content["tags"]), content["matched"], content["rules"],
            ambiguous,
        )  # fmt: skip


@dataclass(frozen=True)
class ComparedTags:
    """The tags that the models of a leaderboard are compared on.

    Attributes:
        tags: The tags, in the order of the corpus.
        corpus: All tags of the corpus; empty if it has none.
        models: The imported models by name.
    """

    tags: tuple[str, ...] = ()
    corpus: tuple[str, ...] = ()
    models: Mapping[str, MatchedTags] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether they are all tags of a labelled corpus."""
        return bool(self.corpus) and self.tags == self.corpus

    @property
    def left_out(self) -> tuple[str, ...]:
        """Tags of the corpus that are not among them."""
        return tuple(tag for tag in self.corpus if tag not in self.tags)

    def columns(self, model: str) -> tuple[str, ...] | None:
        """Return the names of the compared tags in the stored predictions of a model.

        Predictions on a labelled corpus have the names of the corpus, those on other corpora the
        names of the model.

        Returns:
            One name for each compared tag; None if these are the stored tags in their order.
        """
        if self.corpus:
            return None if self.whole else self.tags
        own = self.models.get(model)  # none in records of older versions, whose tags are equal
        if own is None or own.tags == self.tags:
            return None
        return tuple(own.matched[tag] for tag in self.tags)

    def lacking(self, tag: str) -> list[str]:
        """Return the models that have no match for a tag of the corpus."""
        return [name for name, own in self.models.items() if tag not in own.matched]

    def to_info(self) -> dict[str, Any]:
        """Return what a run record states; nothing without imported models."""
        if not self.models:
            return {}
        return {
            "compared_tags": {"tags": list(self.tags), "corpus": list(self.corpus)},
            "checkpoints": {name: own.to_json() for name, own in self.models.items()},
        }

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> Self | None:
        """Return what `to_info` has written into a run record; None without imported models."""
        if "compared_tags" not in info:
            return None
        names = info["compared_tags"]
        models = {
            name: MatchedTags.from_json(content)
            for name, content in sorted(info["checkpoints"].items())
        }
        return cls(tuple(names["tags"]), tuple(names["corpus"]), models)


def compare_tags(
    dataset: str,
    corpus: Sequence[str],
    outputs: Sequence[Outputs],
    aliases: Sequence[TagAlias],
) -> ComparedTags:
    """Return the tags that a corpus and imported models share.

    Without tags of a corpus, they are named as by the model with the fewest tags, so that they do
    not depend on the order of the models.

    Args:
        dataset: Name of the dataset.
        corpus: Tags of the corpus; empty if it has none.
        outputs: Tags of the imported models; at least one if the corpus has none.
        aliases: Tags that mean the same.

    Raises:
        TagbenchError: Fewer than `FEWEST` tags are shared.
    """
    reference, names = dataset, tuple(corpus)
    if not corpus:
        fewest = min(outputs, key=lambda own: (len(own.tags), own.tags, own.trained_on))
        reference, names = fewest.trained_on, fewest.tags
    models = {
        own.model: MatchedTags.of(
            own, match_tags(reference, names, own.trained_on, own.tags, aliases)
        )
        for own in outputs
    }
    shared = tuple(tag for tag in names if all(tag in own.matched for own in models.values()))
    if len(shared) < min(FEWEST, len(names)):
        lists = [f"{dataset}: {', '.join(corpus)}"] if corpus else []
        lists += [f"{own.model}: {', '.join(own.tags)}" for own in outputs]
        raise TagbenchError(
            f"The models and {dataset!r} share {len(shared)} tags, expected at least "
            f"{min(FEWEST, len(names))}. {'. '.join(lists)}. Evaluate the checkpoints separately, "
            "each with its own --results FOLDER, or state which tags mean the same in a table: "
            "--tag-aliases FILE"
        )
    return ComparedTags(shared, tuple(corpus), models)


def summary(dataset: str, compared: ComparedTags) -> str:
    """Return what a run prints of its imported models.

    It states where they were trained, how many tags are compared, which are left out, and why.
    """
    if not compared.models:
        return ""
    by_origin: dict[str, list[str]] = {}
    for name, own in compared.models.items():
        by_origin.setdefault(own.trained_on, []).append(name)
    origins = [f"{', '.join(names)} on {origin}" for origin, names in by_origin.items()]
    lines = [f"{dataset}: trained elsewhere: {'; '.join(origins)}."]
    if compared.corpus and not compared.whole:
        by_models: dict[str, list[str]] = {}
        for tag in compared.left_out:
            names = compared.lacking(tag)
            everyone = len(names) == len(compared.models) > 1
            by_models.setdefault("all imported" if everyone else ", ".join(names), []).append(tag)
        reasons = [f"{', '.join(tags)} ({names})" for names, tags in by_models.items()]
        lines.append(
            f"{dataset}: compared on the {len(compared.tags)} of {len(compared.corpus)} tags that "
            f"all models predict. Left out, with the models that lack them: {'; '.join(reasons)}."
        )
    elif not compared.corpus and any(own.tags != compared.tags for own in compared.models.values()):
        lines.append(
            f"{dataset}: compared on the {len(compared.tags)} tags that all models predict: "
            f"{', '.join(compared.tags)}."
        )
    if renamed := _renamed(compared):
        lines.append(f"{dataset}: taken as the same tag: {'; '.join(renamed)}.")
    return "\n".join(lines)


def _renamed(compared: ComparedTags) -> list[str]:
    """Return the compared tags that models spell otherwise, with the models and the rule."""
    by_spelling: dict[tuple[str, str, str], list[str]] = {}
    for tag in compared.tags:
        for name, own in compared.models.items():
            if tag in own.rules:
                by_spelling.setdefault((own.matched[tag], tag, own.rules[tag]), []).append(name)
    return [
        f"{output} for {tag} ({rule}; {', '.join(names)})"
        for (output, tag, rule), names in by_spelling.items()
    ]
