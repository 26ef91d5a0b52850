"""What a perturbation is, how one is named, and how it is applied to a track.

Nothing here imports an audio engine: listing, planning and ``--help`` stay fast.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmark.perturbations.profiles import PROFILES
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.common.seeding import rng_for

Audio = NDArray[np.float32]

LEVEL_NAMES = ("slight", "mild", "moderate", "strong", "extreme")
"""Names of severities 1 to 5 of a five-level ladder."""

SUITE = "suite"
"""The default protocol: clean engines and calibrated five-level ladders."""

CONTROLS = "controls"
"""The protocol of conditions that tell apart what another one changes at once."""

CUSTOM = "custom"
"""The protocol of chains: what somebody put together enters no mean over the suite."""

CHAIN = "chain"
"""The family of all chains."""

RESERVED = frozenset({"all", "clean", CHAIN, SUITE, CONTROLS, CUSTOM, *PROFILES})
"""Words that mean something else in a selection, and can be the name of no perturbation."""

_CLASSES: dict[str, type[Perturbation]] = {}


@dataclass(frozen=True)
class Condition:
    """One way in which a test set is heard.

    Attributes:
        perturbation: Name of the perturbation or chain, or ``"clean"``.
        family: What is being changed; members of a family share their random stream.
        severity: 1 for the first level of the ladder; 0 for clean; the greatest of its links' for a
            chain.
        level: Position on the physical axis, in ``unit``; the severity for a chain, which has no
            axis of its own.
        unit: Unit of ``level``.
        protocol: Which set of definitions it belongs to.
        links: The conditions of a chain in the order in which they are applied; else empty.
    """

    perturbation: str
    family: str
    severity: int
    level: float
    unit: str
    protocol: str = SUITE
    links: tuple[Condition, ...] = ()

    @property
    def label(self) -> str:
        """The selection that names this condition, such as ``"pitch_up:3"``."""
        if self.links:
            text = ">".join(link.label for link in self.links)
            return text if text == self.perturbation else f"{self.perturbation}={text}"
        return self.perturbation if self.severity == 0 else f"{self.perturbation}:{self.severity}"

    @property
    def steps(self) -> tuple[Condition, ...]:
        """What is applied in turn: nothing for clean, the links of a chain, else this alone."""
        return self.links or (() if self == CLEAN else (self,))

    def labels(self) -> dict[str, Any]:
        """Return the plain data that :meth:`from_labels` reads; JSON-able."""
        plain = {field: getattr(self, field) for field in _PLAIN}
        return {**plain, "links": [link.labels() for link in self.links]} if self.links else plain

    @classmethod
    def from_labels(cls, labels: Mapping[str, Any]) -> Condition:
        """Return the condition that ``labels`` describe; other keys are passed over."""
        links = tuple(cls.from_labels(link) for link in labels.get("links", ()))
        return cls(**{field: labels[field] for field in _PLAIN}, links=links)


_PLAIN = ("perturbation", "family", "severity", "level", "unit", "protocol")


CLEAN = Condition("clean", "clean", 0, 0.0, "")
"""The untouched audio."""


class Perturbation(ABC):
    """A change of the sound with a physical axis and a ladder of levels.

    A class that gives itself a ``name`` is in the catalogue as soon as its module, any public
    module of this package, exists. Bump ``revision`` when the same level sounds different.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    axis_label: ClassVar[str]
    levels: ClassVar[tuple[float, ...]]
    protocol: ClassVar[str] = SUITE
    default: ClassVar[bool] = True
    """Whether ``all`` selects it."""
    revision: ClassVar[int] = 1
    engine: ClassVar[tuple[str, ...]] = ()
    """Distributions whose version decides how it sounds; not those that only compute, as NumPy."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:  # without a name it is a shared base
            _register(cls)

    @abstractmethod
    def apply(
        self, audio: Audio, sample_rate: int, level: float, rng: np.random.RandomState
    ) -> Audio:
        """Return the perturbed track; pure, and safe for silence and for any length.

        Args:
            audio: Whole track, mono, shape ``(samples,)``, finite; never modified.
            sample_rate: In Hz.
            level: Position on the physical axis, in ``unit``.
            rng: The only source of randomness.

        Returns:
            New array of shape ``(output_samples(samples, level),)``, not clipped to [-1, 1].
        """

    def output_samples(self, samples: int, level: float) -> int:
        """Return the length of the result for a track of ``samples`` samples."""
        del level
        return samples

    def condition(self, severity: int) -> Condition:
        """Return the condition of ``severity`` (1 is the first level)."""
        level = self.levels[severity - 1]
        return Condition(self.name, self.family, severity, level, self.unit, self.protocol)

    def identity(self) -> dict[str, Any]:
        """Return what decides how it sounds, beside level, seed and track; JSON-able."""
        versions = {name: version(name) for name in sorted(self.engine)}
        return {"name": self.name, "revision": self.revision, "engine": versions}


def _register(cls: type[Perturbation]) -> None:
    lacking = [
        fact
        for fact in ("family", "title", "unit", "axis_label", "levels")
        if not hasattr(cls, fact)
    ]
    if lacking:
        raise TypeError(f"Perturbation {cls.__qualname__} declares no {', '.join(lacking)}.")
    if not cls.levels or len(set(cls.levels)) < len(cls.levels):
        raise TypeError(f"Perturbation {cls.__qualname__}: levels must be distinct, one or more.")
    if set(cls.name) & set(":,+>= ") or cls.name in RESERVED:
        raise TypeError(f"Perturbation {cls.__qualname__}: {cls.name!r} cannot be its name.")
    other = _CLASSES.get(cls.name, cls)
    if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise TypeError(
            f"Two perturbations are named {cls.name!r}: {other.__module__}.{other.__qualname__} "
            f"and {cls.__module__}.{cls.__qualname__}. Rename one."
        )
    _CLASSES[cls.name] = cls


@cache
def _discover() -> None:
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg and not module.name.startswith("_"):
            importlib.import_module(f"{__package__}.{module.name}")


def catalogue() -> dict[str, Perturbation]:
    """Return every perturbation by name: default ones first, then the suite, then by protocol."""
    _discover()
    order = sorted(
        _CLASSES.values(),
        key=lambda c: (not c.default, c.protocol != SUITE, c.protocol, c.family, c.name),
    )
    return {cls.name: cls() for cls in order}


def perturb(
    audio: NDArray[np.floating[Any]],
    sample_rate: int,
    condition: Condition,
    *,
    seed: int,
    track_id: str,
) -> Audio:
    """Return the track as it sounds under ``condition``.

    The random stream depends on (family, seed, track) alone: every model, worker and order hears
    the same audio, and the levels of a family share one realisation. So does each link of a chain,
    which draws what it draws when it is heard alone.

    Args:
        audio: Whole track, mono float, shape ``(samples,)``; read-only is welcome.
        sample_rate: In Hz.
        condition: What :func:`~benchmark.perturbations.selection.resolve` returns; clean returns
            ``audio`` itself, and a chain applies its links in order.
        seed: Of the evaluation.
        track_id: Stable name of the track.

    Raises:
        TagbenchError: The track is not mono float or not finite, or the perturbation broke it.
    """
    if condition == CLEAN:
        return audio
    where = f"track {track_id!r} under {condition.label}"
    if audio.ndim != 1 or not np.issubdtype(audio.dtype, np.floating):
        raise TagbenchError(
            f"Cannot perturb {where}: expected mono float samples of shape (samples,), "
            f"got {audio.dtype} of shape {audio.shape}."
        )
    # A copy of its own: engines want contiguous, writable memory, and may use it as scratch.
    samples: Audio = np.array(audio, dtype=np.float32, order="C")
    _check_finite(samples, f"Cannot perturb {where}: the decoded audio")
    for step in condition.steps:
        perturbation = catalogue_entry(step.perturbation)
        rng = rng_for("perturbation", step.family, seed, track_id)
        result = perturbation.apply(samples, sample_rate, step.level, rng)
        by = f", link {step.label}," if condition.links else ""
        _check_finite(result, f"Perturbing {where}{by} failed: the result")
        samples = np.ascontiguousarray(result, dtype=np.float32)
    return samples


def catalogue_entry(name: str) -> Perturbation:
    """Return the perturbation called ``name``.

    Raises:
        TagbenchError: There is none.
    """
    _discover()
    if name not in _CLASSES:
        raise unknown_name("perturbation", name, _CLASSES)
    return _CLASSES[name]()


def _check_finite(samples: Audio, what: str) -> None:
    finite = np.isfinite(samples)
    if not finite.all():
        raise TagbenchError(
            f"{what} has {samples.size - int(finite.sum())} samples that are NaN or infinite, "
            f"the first at {int(np.argmin(finite))}. Mend or remove the file, then prepare again."
        )


def warm_up(conditions: Iterable[Condition], sample_rate: int) -> None:
    """Import every engine and compile every kernel that ``conditions`` need.

    Call it before forking workers, so that each does not pay for it again.
    """
    tone = np.sin(np.arange(sample_rate // 4, dtype=np.float32) * 0.1)
    for name in sorted({step.perturbation for c in conditions for step in c.steps}):
        condition = catalogue_entry(name).condition(1)
        perturb(tone, sample_rate, condition, seed=0, track_id="warm-up")
