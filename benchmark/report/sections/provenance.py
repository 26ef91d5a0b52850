"""Provenance: versions, digests and configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.report.data import ReportData
from benchmark.report.sections.base import Section, include


def _build(data: ReportData) -> dict[str, Any]:
    return {"groups": grouped(data.provenance)}


def grouped(provenance: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Flatten provenance: each nested mapping is a group, single values form the first one."""
    single: list[tuple[str, str]] = []
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for name, value in provenance.items():
        if isinstance(value, Mapping):
            groups.append((name, [(key, _text(item)) for key, item in value.items()]))
        else:
            single.append((name, _text(value)))
    return [("Run", single), *groups] if single else groups


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)


SECTION = Section("provenance", "Provenance", 150, include("provenance"), _build)
