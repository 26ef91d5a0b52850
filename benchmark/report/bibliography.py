"""BibTeX entries of the models, the dataset and the tools of a report.

The entries of the tools are in ``references.bib``. Those of models and datasets are facts of their
classes; a run records them when it is planned, so that a report needs neither torch nor classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from benchmark import __version__
from benchmark.perturbations import catalogue
from benchmark.store.provenance import ROOT

TOOLS: Mapping[str, str] = {
    "torch": "paszke2019pytorch",
    "pytorch-lightning": "falcon2019lightning",
    "nnAudio": "cheuk2020nnaudio",
    "torchmetrics": "detlefsen2022torchmetrics",
    "audiomentations": "jordal_audiomentations",
    "python-stretch": "signalsmith_stretch",
    "librosa": "mcfee2015librosa",
    "numpy": "harris2020array",
    "scipy": "virtanen2020scipy",
    "numba": "lam2015numba",
    "pandas": "mckinney2010data",
    "matplotlib": "hunter2007matplotlib",
    "soundfile": "libsndfile",
    "soxr": "sykes_soxr",
}
"""Key in ``references.bib`` by the name of the distribution that is cited."""

ALWAYS = (
    *("torch", "pytorch-lightning", "nnAudio", "torchmetrics", "numpy", "scipy", "numba"),
    *("pandas", "matplotlib", "soundfile", "soxr"),
)
"""Tools that every result and figure depends on."""

METHODS: Mapping[str, str] = {
    "won2020": "won2020evaluation",
    "mce": "hendrycks2019benchmarking",
}
"""Key in ``references.bib`` of the protocol and of the robustness score."""

_KEY = re.compile(r"@\w+\s*\{\s*([^,\s]+)\s*,")


@cache
def entries() -> Mapping[str, str]:
    """Return the entries of ``references.bib`` by key."""
    text = resources.files(__package__).joinpath("references.bib").read_text(encoding="utf-8")
    return {key_of(entry): entry for entry in split(text)}


def tagbench() -> str:
    """Return the entry of this project, from ``CITATION.cff`` where that file exists."""
    facts: dict[str, Any] = {"title": "tagbench", "version": __version__}
    path = ROOT / "CITATION.cff"
    if path.is_file():
        facts |= YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    authors = [
        author["name"] if "name" in author else f"{author['family-names']}, {author['given-names']}"
        for author in facts.get("authors", [{"name": "The tagbench authors"}])
    ]
    lines = [
        f"  title = {{{facts['title']}}}",
        f"  author = {{{' and '.join(f'{{{name}}}' for name in authors)}}}",
        f"  version = {{{__version__}}}",
    ]
    if "date-released" in facts:
        lines.append(f"  year = {{{str(facts['date-released'])[:4]}}}")
    return "@software{tagbench,\n" + ",\n".join(lines) + "\n}"


def tools(protocols: Iterable[str], perturbations: Iterable[str]) -> list[str]:
    """Return the entries of the tools that the conditions use, this project first.

    Args:
        protocols: Protocols of the perturbed conditions.
        perturbations: Their perturbations; a chain without a name counts as its links.
    """
    names, installed = set(perturbations), catalogue()
    links = {link.partition(":")[0] for name in names for link in name.split(">")}
    engines = {engine for name in links & installed.keys() for engine in installed[name].engine}
    if names:
        engines.add("audiomentations")  # base class of every transform
    cited = [*ALWAYS, *sorted((engines & TOOLS.keys()) - set(ALWAYS))]
    keys = [TOOLS[name] for name in cited]
    if "won2020" in set(protocols):
        keys.append(METHODS["won2020"])
    if names:
        keys.append(METHODS["mce"])
    return [tagbench(), *(entries()[key] for key in keys)]


def merged(texts: Sequence[str]) -> str:
    """Return the text of a ``.bib`` file with the first entry of each key, in their order."""
    by_key: dict[str, str] = {}
    for text in texts:
        for entry in split(text):
            by_key.setdefault(key_of(entry), entry)
    return "".join(f"{entry}\n\n" for entry in by_key.values()).rstrip("\n") + "\n"


def split(text: str) -> list[str]:
    """Return the BibTeX entries of a text; other text is left out."""
    entries, end = [], 0
    for match in re.finditer(r"(?m)^\s*@\w+\s*\{", text):
        if match.start() >= end:
            end = _closing(text, match.end())
            entries.append(text[match.start() : end].strip())
    return entries


def _closing(text: str, at: int) -> int:
    """Return the position after the brace that closes the one before ``at``."""
    depth = 1
    while depth and at < len(text):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def key_of(entry: str) -> str:
    """Return the key of an entry."""
    match = _KEY.match(entry)
    return match[1] if match else entry
