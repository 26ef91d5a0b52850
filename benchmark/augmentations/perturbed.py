"""Perturbations of the catalogue as transforms, with random levels."""

from __future__ import annotations

from abc import abstractmethod
from functools import cache
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from benchmark.augmentations.base import N_SEEDS, Audio, Drawn, Range, Transform
from benchmark.augmentations.levels import Bounds, draw_level, ends, ladder
from benchmark.perturbations import SUITE, Perturbation, catalogue, catalogue_entry

Member = tuple[Perturbation, Bounds]


class Perturbed(Transform):
    """One of several perturbations, at a level drawn between two bounds.

    Levels are uniformly distributed along the axis of the perturbation: a signal-to-noise ratio in
    dB, a playback rate on a logarithmic scale. Levels that are numbers of presets are drawn from
    the ladder. A perturbed crop that is longer than the crop, as after ``time_slower``, is cut at a
    random position; a shorter one is repeated.
    """

    @classmethod
    @abstractmethod
    def known(cls) -> list[str]:
        """Return the names that the entry may state."""

    @abstractmethod
    def members(self) -> list[Member]:
        """Return the perturbations, one of which is drawn, and the bounds of their levels."""

    @property
    def families(self) -> frozenset[str]:
        """Families of the perturbations."""
        return frozenset(perturbation.family for perturbation, _ in self.members())

    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw perturbation, level, seed of its random stream, and position of the cut."""
        members = self.members()
        member = int(rng.randint(len(members)))
        return {
            "member": member,
            "level": draw_level(*members[member], rng),
            "seed": int(rng.randint(N_SEEDS, dtype=np.uint64)),
            "position": float(rng.random_sample()),
        }

    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the perturbed crop, cut or repeated to the length of ``audio``."""
        perturbation, _ = self.members()[int(drawn["member"])]
        rng = np.random.RandomState(int(drawn["seed"]))
        changed = perturbation.apply(audio, sample_rate, drawn["level"], rng)
        spare = changed.size - audio.size
        if spare < 0:
            return np.resize(changed, audio.size) if changed.size else audio.copy()
        start = int(drawn["position"] * (spare + 1))
        return np.asarray(changed[start : start + audio.size], dtype=np.float32)

    def identity(self) -> dict[str, Any]:
        """Return what determines the audio: perturbations with versions, bounds and scales."""
        members = [
            {
                **perturbation.identity(),
                "levels": list(bounds),
                "scale": perturbation.axis.scale,
                "ladder": ladder(perturbation, bounds),
            }
            for perturbation, bounds in self.members()
        ]
        own = super().identity()
        return {**own, "params": {"p": self.p}, "members": members}


class PerturbationLevels(Perturbed):
    """A perturbation of the catalogue; in YAML an entry with the key ``perturbation``.

    Attributes:
        perturbation: Its name.
        levels: Bounds of the level, in the unit of the perturbation; by default the mildest and the
            strongest level of its ladder. They may lie outside the ladder.
    """

    name: ClassVar[str] = "perturbation_levels"
    perturbation: str
    levels: Range | None = None

    @property
    def label(self) -> str:
        """Name of the perturbation."""
        return self.perturbation

    @model_validator(mode="after")
    def _check(self) -> PerturbationLevels:
        perturbation, bounds = self.members()[0]
        if perturbation.axis.scale == "log2" and bounds[0] <= 0.0:
            raise ValueError(f"expected levels of {perturbation.name} above 0")
        if perturbation.axis.scale == "ordinal" and not ladder(perturbation, bounds):
            raise ValueError(f"expected levels around one or more of {perturbation.levels}")
        for level in bounds:
            perturbation.check_level(level)
        return self

    @classmethod
    def known(cls) -> list[str]:
        """Return the names of all perturbations."""
        return list(catalogue())

    def members(self) -> list[Member]:
        """Return the one perturbation."""
        perturbation = _entry(self.perturbation)
        return [(perturbation, self.levels or ends(perturbation))]


class FamilyLevels(Perturbed):
    """Any perturbation of a family of the suite; in YAML an entry with the key ``family``.

    Each crop gets one of its perturbations, with equal probability, at a level between the mildest
    and the strongest of its ladder.

    Attributes:
        family: Name of the family, such as ``pitch_shift``, which has ``pitch_up`` and
            ``pitch_down``.
    """

    name: ClassVar[str] = "family_levels"
    family: str

    @property
    def label(self) -> str:
        """Names of the perturbations."""
        return " or ".join(sorted(perturbation.name for perturbation, _ in self.members()))

    @classmethod
    def known(cls) -> list[str]:
        """Return the families of the suite."""
        return sorted(_suite())

    def members(self) -> list[Member]:
        """Return the perturbations of the family."""
        return [(p, ends(p)) for p in _suite()[self.family]]


@cache
def _entry(name: str) -> Perturbation:
    return catalogue_entry(name)


@cache
def _suite() -> dict[str, list[Perturbation]]:
    """Return the perturbations of the suite by family."""
    suite: dict[str, list[Perturbation]] = {}
    for perturbation in catalogue().values():
        if perturbation.protocol == SUITE:
            suite.setdefault(perturbation.family, []).append(perturbation)
    return suite
