"""A condition of an evaluation: clean audio, one perturbation at one level, or a chain of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SUITE = "suite"
"""The default protocol: calibrated ladders of five levels, without side effects."""

CONTROLS = "controls"
"""The protocol of conditions that isolate one side effect of another perturbation."""

CUSTOM = "custom"
"""The protocol of user-defined chains; it is not part of any mean over the suite."""

CHAIN = "chain"
"""The family of all chains."""

LEVEL_NAMES = ("slight", "mild", "moderate", "strong", "extreme")
"""Names of severities 1 to 5 of a five-level ladder."""


def protocol_order(protocol: str) -> tuple[bool, str]:
    """Return the sort key of a protocol: the suite first, then the others by name."""
    return protocol != SUITE, protocol


@dataclass(frozen=True)
class Condition:
    """One condition under which the test set is evaluated.

    Attributes:
        perturbation: Name of the perturbation or chain, or ``"clean"``.
        family: Group of perturbations that change the same property, such as ``"pitch_shift"``;
            its members share their random stream.
        severity: 1 for the first level of the ladder; 0 for clean; for a chain, the greatest
            severity of its links.
        level: Position on the physical axis, in ``unit``; the severity for a chain, which has no
            axis of its own.
        unit: Unit of ``level``.
        protocol: Set of definitions that the perturbation belongs to.
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
    def clean(self) -> bool:
        """Whether the audio is unperturbed."""
        return self.severity == 0

    @property
    def order(self) -> tuple[str, str, str, int, float, str]:
        """Sort key of the rows of a table: by protocol, family, perturbation and severity."""
        return (
            self.protocol,
            self.family,
            self.perturbation,
            self.severity,
            self.level,
            self.unit,
        )

    @property
    def label(self) -> str:
        """The selection that names this condition, such as ``"pitch_up:3"``."""
        if self.links:
            text = ">".join(link.label for link in self.links)
            return text if text == self.perturbation else f"{self.perturbation}={text}"
        return self.perturbation if self.severity == 0 else f"{self.perturbation}:{self.severity}"

    @property
    def steps(self) -> tuple[Condition, ...]:
        """Conditions to apply in turn: none for clean, the links of a chain, else this one."""
        return self.links or (() if self == CLEAN else (self,))

    def plain(self) -> dict[str, Any]:
        """Return the columns of the condition in a table: everything but the links."""
        return {field: getattr(self, field) for field in _PLAIN}

    def labels(self) -> dict[str, Any]:
        """Return the JSON values that :meth:`from_labels` reads."""
        plain = self.plain()
        return {**plain, "links": [link.labels() for link in self.links]} if self.links else plain

    @classmethod
    def from_labels(cls, labels: Mapping[str, Any]) -> Condition:
        """Return the condition that ``labels`` describe; other keys are ignored."""
        links = tuple(cls.from_labels(link) for link in labels.get("links", ()))
        return cls(**{field: labels[field] for field in _PLAIN}, links=links)


_PLAIN = ("perturbation", "family", "severity", "level", "unit", "protocol")


CLEAN = Condition("clean", "clean", 0, 0.0, "")
"""Unperturbed audio."""
