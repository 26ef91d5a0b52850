"""Base class of perturbations.

Nothing here imports an audio engine, so that listing, planning and ``--help`` stay fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations.axis import Axis
from benchmark.perturbations.condition import CHAIN, CONTROLS, CUSTOM, SUITE, Condition
from benchmark.perturbations.profiles import PROFILES

Audio = NDArray[np.float32]

RESERVED = frozenset({"all", "clean", CHAIN, SUITE, CONTROLS, CUSTOM, *PROFILES})
"""Words with another meaning in a selection, which cannot name a perturbation."""

CLASSES: dict[str, type[Perturbation]] = {}
"""Every perturbation class imported so far, by name."""


@dataclass(frozen=True)
class Isolates:
    """The side effect that a control isolates, and how its levels map to those of the other family.

    Attributes:
        family: Family whose side effect the control is.
        unit: Unit of ``level``; empty where the control has the unit of ``family``.
        level: Maps a level of the control to the corresponding level of ``family``.
    """

    family: str
    unit: str = ""
    level: Callable[[float], float] = float


class Perturbation(ABC):
    """A change of the audio with a physical axis and a ladder of levels.

    The catalogue contains every class with a ``name`` in a public module of this package. Raise
    ``revision`` when the same level gives different audio.

    Attributes:
        name: Name in a selection, in tables and in identities.
        family: Property that is changed; members of a family share their random stream.
        title: Name in a figure.
        axis: Unit and scale of the levels.
        levels: The ladder, mildest first.
        protocol: Set of definitions that it belongs to.
        default: Whether ``all`` selects it.
        revision: Version of the definition; part of the identity.
        engine: Distributions whose version determines the audio. Numeric libraries such as NumPy
            are left out.
        isolates: For a control, the family whose side effect it isolates.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    title: ClassVar[str]
    axis: ClassVar[Axis]
    levels: ClassVar[tuple[float, ...]]
    protocol: ClassVar[str] = SUITE
    default: ClassVar[bool] = True
    revision: ClassVar[int] = 1
    engine: ClassVar[tuple[str, ...]] = ()
    isolates: ClassVar[Isolates | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:  # a class without a name is a base class
            _register(cls)

    @property
    def unit(self) -> str:
        """Unit of the levels."""
        return self.axis.unit

    @abstractmethod
    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Return the perturbed track; pure, and defined for silence and for any length.

        Args:
            audio: Whole track, mono, shape ``(samples,)``, finite; never modified.
            sample_rate: Sample rate in Hz.
            level: Position on the physical axis, in the unit of ``axis``.
            rng: The only source of randomness.

        Returns:
            New array of shape ``(output_samples(samples, level),)``, not clipped to [-1, 1].
        """

    def check_level(self, level: float) -> None:
        """Raise a TagbenchError where `apply` cannot use ``level``; by default it can use any."""
        del level

    def output_samples(self, samples: int, level: float) -> int:
        """Return the length of the result for a track of ``samples`` samples."""
        del level
        return samples

    def condition(self, severity: int) -> Condition:
        """Return the condition of ``severity`` (1 is the first level)."""
        level = self.levels[severity - 1]
        return Condition(self.name, self.family, severity, level, self.unit, self.protocol)

    def identity(self) -> dict[str, Any]:
        """Return what determines the audio besides level, seed and track, as JSON values."""
        versions = {name: version(name) for name in sorted(self.engine)}
        return {"name": self.name, "revision": self.revision, "engine": versions}


def _register(cls: type[Perturbation]) -> None:
    missing = [fact for fact in ("family", "title", "axis", "levels") if not hasattr(cls, fact)]
    if missing:
        raise TypeError(f"Perturbation {cls.__qualname__} declares no {', '.join(missing)}.")
    if not cls.levels or len(set(cls.levels)) < len(cls.levels):
        raise TypeError(f"Perturbation {cls.__qualname__}: levels must be distinct, one or more.")
    if set(cls.name) & set(":,+>= ") or cls.name in RESERVED:
        raise TypeError(f"Perturbation {cls.__qualname__}: {cls.name!r} cannot be its name.")
    other = CLASSES.get(cls.name, cls)
    if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise TypeError(
            f"Two perturbations are named {cls.name!r}: {other.__module__}.{other.__qualname__} "
            f"and {cls.__module__}.{cls.__qualname__}. Rename one of them."
        )
    CLASSES[cls.name] = cls
