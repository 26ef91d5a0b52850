"""Installed packages, compared with the requirements of tagbench and of its extras."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from benchmark import __version__
from benchmark.doctor.finding import Finding
from benchmark.store.provenance import package_version

_NAME = "tagbench"


@cache
def requirements(extra: str = "") -> tuple[Requirement, ...]:
    """Return the requirements on this platform, as the installed metadata states them.

    Args:
        extra: Name of an extra, for what it requires; by default what is always required.

    Raises:
        PackageNotFoundError: tagbench is imported without being installed.
    """
    found = []
    for line in distribution(_NAME).requires or ():
        requirement = Requirement(line)
        of_extra = "extra ==" in str(requirement.marker)
        met = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        if of_extra == bool(extra) and met:
            found.append(requirement)
    return tuple(found)


def pin(name: str) -> str:
    """Return the requirement of a package, such as ``"torch==2.11.0"``, or its name alone."""
    try:
        return next(str(one) for one in requirements() if one.name == name)
    except (PackageNotFoundError, StopIteration):
        return name


def check_python() -> Iterator[Finding]:
    """Compare Python with ``requires-python``."""
    found = platform.python_version()
    wanted = _metadata("Requires-Python")
    if wanted and found not in SpecifierSet(wanted):
        remedy = f"Create the environment with Python {wanted}."
        yield Finding("python", "fail", f"{found}; tagbench needs {wanted}", remedy)
    else:
        yield Finding("python", "OK", f"{found} on {platform.system()} {platform.machine()}")


def check_packages() -> Iterator[Finding]:
    """Compare the installed packages with the requirements."""
    place = Path(__file__).resolve().parents[2]
    try:
        wanted = requirements()
    except PackageNotFoundError:
        text = f"{__version__} in {place}, which is not installed"
        yield Finding(_NAME, "warn", text, "Install it: pip install -e . in the checkout.")
        return
    yield Finding(_NAME, "OK", f"{__version__} in {place}")
    unmet = [problem for one in wanted if (problem := _problem(one))]
    if unmet:
        remedy = "Install them: make install in the checkout, or pip install with the wheel's file."
        yield Finding("packages", "fail", "; ".join(unmet), remedy)
    else:
        yield Finding("packages", "OK", f"{len(wanted)} required packages are installed")


def check_extras() -> Iterator[Finding]:
    """Say which extras are installed, and how to install the others."""
    for extra in sorted(re.findall(r"^Provides-Extra: (\S+)$", _metadata(), re.MULTILINE)):
        wanted = requirements(extra)
        unmet = [problem for one in wanted if (problem := _problem(one))]
        install = f'pip install "{_NAME}[{extra}]"'
        if not unmet:
            yield Finding(f"extra {extra}", "OK", "installed")
        elif any("is not installed" not in problem for problem in unmet):
            text = "; ".join(unmet)
            yield Finding(f"extra {extra}", "warn", text, f"Install it again: {install}")
        else:
            absent = ", ".join(problem.split()[0] for problem in unmet)
            text = f"not installed (optional): {absent}"
            yield Finding(f"extra {extra}", "OK", text, f"Install it if needed: {install}")


def _problem(requirement: Requirement) -> str:
    """Return why a requirement is not met, or an empty string."""
    found = package_version(requirement.name)
    if found == "absent":
        return f"{requirement.name} is not installed"
    if not requirement.specifier.contains(found, prereleases=True):
        return f"{requirement.name} is {found}, expected {requirement.specifier}"
    return ""


def _metadata(field: str = "") -> str:
    """Return a field of the installed metadata, or all of it; empty without metadata."""
    try:
        message = distribution(_NAME).metadata
    except PackageNotFoundError:
        return ""
    if not field:
        return str(message)
    values = message.get_all(field) or [""]
    return str(values[0])
