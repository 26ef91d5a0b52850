"""What to cite: the dataset, the models and the software, as BibTeX and as CITATION.cff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark import __version__
from benchmark.publish.yaml_text import yaml_text
from benchmark.report import bibliography
from benchmark.store.provenance import ROOT

if TYPE_CHECKING:
    from benchmark.publish.publication import Publication


def citations_of(publication: Publication, model: str) -> str:
    """Return the BibTeX entries of a model and of the dataset; empty if there are none."""
    recorded = publication.results.record.info.get("bibtex", {})
    entries = [recorded.get(f"model:{model}", ""), publication.dataset.citation]
    return bibliography.merged(entries) if any(entries) else ""


def bibtex(publication: Publication) -> str:
    """Return the entries of the dataset, of every model, and of the software."""
    rows = publication.tables.robustness
    perturbed = rows[rows["severity"] > 0]
    tools = bibliography.tools(
        map(str, perturbed["protocol"].unique()), map(str, perturbed["perturbation"].unique())
    )
    recorded = publication.results.record.info.get("bibtex", {})
    return bibliography.merged([publication.dataset.citation, *recorded.values(), *tools])


def cff() -> str:
    """Return the citation of the software that computed the results."""
    path = ROOT / "CITATION.cff"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    return yaml_text(
        {
            "cff-version": "1.2.0",
            "title": "tagbench",
            "message": "If you use these results, cite tagbench and the entries of CITATION.bib.",
            "type": "software",
            "authors": [{"name": "The tagbench authors"}],
            "license": "MIT",
            "version": __version__,
        }
    )
