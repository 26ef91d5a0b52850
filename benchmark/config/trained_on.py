"""What the models of a run were trained on: clean or augmented audio.

Two models belong together if their trainings differ in nothing but the augmentation. This is
decided by the ids of the trainings and not by the names of the models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Augmented:
    """How the crops of a training were augmented.

    Attributes:
        augmentation: Short name of the augmentation.
        families: Families of perturbations that it corresponds to, sorted.
        unaugmented: Id of the training that differs only in having no augmentation.
    """

    augmentation: str
    families: tuple[str, ...]
    unaugmented: str

    def to_json(self) -> dict[str, Any]:
        """Return the facts as they are stored in a run record."""
        return {**asdict(self), "families": list(self.families)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the facts that `to_json` has stored."""
        return cls(**{**content, "families": tuple(content["families"])})


@dataclass(frozen=True)
class TrainedOn:
    """What a model was trained on, among models that differ in nothing else.

    Attributes:
        base: Name of the one that was trained without augmentation; if there is none, the first
            name of the group.
        augmentation: Short name of the augmentation; empty for none.
        families: Families of perturbations that the augmentation corresponds to.
    """

    base: str
    augmentation: str = ""
    families: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether the model was trained without augmentation."""
        return not self.augmentation


def trained_on(cells: Sequence[Mapping[str, Any]]) -> dict[str, TrainedOn]:
    """Group the models of a run that differ only in the augmentation of their training.

    Args:
        cells: Cells of a run record. Models without an evaluation, on which others build, are left
            out.

    Returns:
        By model, groups of two models or more of which one is augmented; other models are left out.
    """
    evaluated = {cell["labels"]["model"] for cell in cells if cell["kind"] == "evaluation"}
    augmented: dict[str, Augmented] = {}
    unaugmented_ids: dict[str, set[str]] = {}
    for cell in cells:
        name, own = cell["labels"]["model"], cell["id"]
        if cell["kind"] != "train" or name not in evaluated:
            continue
        if "augmented" in cell:
            augmented[name] = Augmented.from_json(cell["augmented"])
            own = augmented[name].unaugmented
        unaugmented_ids.setdefault(name, set()).add(own)
    result: dict[str, TrainedOn] = {}
    for names in _connected(unaugmented_ids):
        clean = [name for name in names if name not in augmented]
        if len(names) < 2 or len(clean) == len(names):
            continue
        base = (clean or names)[0]
        # A second name of the unaugmented model would be a row without difference.
        for name in (*clean[:1], *(name for name in names if name in augmented)):
            facts = augmented.get(name)
            result[name] = (
                TrainedOn(base, facts.augmentation, facts.families) if facts else TrainedOn(base)
            )
    return result


def _connected(ids: Mapping[str, set[str]]) -> list[list[str]]:
    """Return groups of names that share an id, each sorted."""
    groups: list[tuple[set[str], set[str]]] = []
    for name, own in sorted(ids.items()):
        sharing = [group for group in groups if group[1] & own]
        groups = [group for group in groups if group not in sharing]
        names, all_ids = {name}, set(own)
        for other_names, other_ids in sharing:
            names |= other_names
            all_ids |= other_ids
        groups.append((names, all_ids))
    return sorted(sorted(names) for names, _ in groups)
