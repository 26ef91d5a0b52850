"""Base class of the transforms that a chain of augmentations consists of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.metadata import version
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Audio = NDArray[np.float32]

Drawn = dict[str, float]
"""Parameters drawn for one crop. A seed among them stands for a stream of random numbers."""

CLASSES: dict[str, type[Transform]] = {}
"""Every transform class imported so far, by name."""

N_SEEDS = 2**32

T = TypeVar("T", int, float)


def ascending(bounds: tuple[T, T]) -> tuple[T, T]:
    """Return the bounds of a range; raise ValueError where they are not in order."""
    if not bounds[0] <= bounds[1]:
        raise ValueError("expected [low, high] with low <= high")
    return bounds


Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Range = Annotated[tuple[Finite, Finite], AfterValidator(ascending)]
"""Bounds of a uniform distribution."""
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(ascending)]
IntegerRange = Annotated[tuple[int, int], AfterValidator(ascending)]
"""Bounds of a uniform distribution of integers, both included."""


class Transform(BaseModel, ABC):
    """A change of a crop with random parameters.

    The fields of the class are the keys of its entry in a YAML file: ranges, choices and the
    probability. An entry can name every class with a ``name`` in a public module of this package.
    Raise ``revision`` when the same parameters give different audio.

    Drawing is separate from applying, so that the parameters of a crop can be printed and tested.

    Attributes:
        name: Name in a YAML file and in identities.
        revision: Version of the definition; part of the identity.
        engine: Distributions whose version determines the audio. Numeric libraries such as NumPy
            are left out.
        p: Probability with which the transform is applied to a crop.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: ClassVar[str]
    revision: ClassVar[int] = 1
    engine: ClassVar[tuple[str, ...]] = ()
    p: float = Field(default=1.0, ge=0.0, le=1.0)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Add a class that has a name of its own to `CLASSES`."""
        super().__pydantic_init_subclass__(**kwargs)
        if "name" in cls.__dict__:  # a class without a name is a base class
            _register(cls)

    @abstractmethod
    def draw(self, rng: np.random.RandomState) -> Drawn:
        """Draw the parameters of one crop.

        Args:
            rng: The only source of randomness.
        """

    @abstractmethod
    def apply(self, audio: Audio, sample_rate: int, drawn: Drawn) -> Audio:
        """Return the changed crop; a pure function, defined for silence.

        Args:
            audio: Mono, shape ``(samples,)`` with at least one sample, finite; never modified.
            sample_rate: In Hz.
            drawn: Parameters from `draw`.

        Returns:
            New array of shape ``(samples,)``, not clipped to [-1, 1].
        """

    @property
    def label(self) -> str:
        """Short name for tables and messages."""
        return self.name

    @property
    def families(self) -> frozenset[str]:
        """Families of perturbations that change what this transform changes.

        A model that is trained with the transform counts as trained on these families.
        """
        return frozenset()

    def identity(self) -> dict[str, Any]:
        """Return what determines the audio besides the key, as JSON values."""
        return {
            "name": self.name,
            "revision": self.revision,
            "engine": {name: version(name) for name in sorted(self.engine)},
            "params": self.model_dump(mode="json"),
        }


def _register(cls: type[Transform]) -> None:
    other = CLASSES.get(cls.name, cls)
    if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise TypeError(
            f"Two transforms are named {cls.name!r}: {other.__module__}.{other.__qualname__} and "
            f"{cls.__module__}.{cls.__qualname__}. Rename one of them."
        )
    CLASSES[cls.name] = cls
