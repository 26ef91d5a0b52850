"""The HTML report of a dataset: one file that opens offline, in light and dark mode.

It is rendered from the tables alone, and so needs neither audio nor predictions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.perturbations import CLEAN
from benchmark.report.bibliography import merged, tools
from benchmark.report.data import ReportData
from benchmark.report.figures.draw import draw_all
from benchmark.report.labels import family_title, level_number, metric_title, number, signed_number
from benchmark.report.latex import tables_tex
from benchmark.report.sections.base import sections
from benchmark.store.files import write_text
from benchmark.store.tables import Tables


def write_report(
    tables: Tables,
    directory: Path,
    provenance: Mapping[str, Any],
    bibtex: Sequence[str] = (),
) -> Path:
    """Write the report of a dataset into ``directory/report``.

    The folder then has ``index.html``, ``tables.tex``, ``references.bib`` and ``figures``. Audio
    examples in ``directory/audio`` are embedded in the page.

    Args:
        tables: Tables of the dataset.
        directory: ``results/<dataset>``.
        provenance: Versions, digests and configuration; nested mappings become groups.
        bibtex: Entries of the models and the dataset; those of the tools are added.

    Returns:
        The path of ``index.html``.
    """
    folder = directory / "report"
    folder.mkdir(parents=True, exist_ok=True)
    figures = draw_all(tables, folder / "figures")
    write_text(folder / "tables.tex", tables_tex(tables))
    references = merged([*bibtex, *tools(*_perturbed(tables))])
    write_text(folder / "references.bib", references)
    data = ReportData(tables, directory, figures, provenance, references, bool(bibtex))
    page = environment().get_template("report.html.jinja")
    text = page.render(data=data, sections=rendered(data), files=list(tables.frames()))
    write_text(folder / "index.html", text)
    return folder / "index.html"


def rendered(data: ReportData) -> list[dict[str, Any]]:
    """Return ``id``, ``title`` and ``body`` (HTML) of every section that the tables allow."""
    macros = environment().get_template("macros.html.jinja").module
    page = []
    for section in sections():
        variables = section.build(data)
        if variables is None:
            continue
        body = environment().from_string(section.template).render(variables, data=data, m=macros)
        title = section.title.format(unit=data.unit, units=data.units)
        page.append({"id": section.id, "title": title, "body": Markup(body)})
    return page


@cache
def environment() -> Environment:
    """Return the Jinja environment of ``benchmark/report/templates``, with the report's filters."""
    jinja = Environment(
        loader=PackageLoader("benchmark.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters |= {"number": number, "family": family_title, "metric": metric_title}
    jinja.filters |= {"minus": _minus, "natural": _natural, "breakable": _breakable}
    jinja.filters["signed"] = signed_number
    jinja.filters["level"] = lambda level: _minus(level_number(level))
    jinja.tests["missing"] = lambda value: value is None or bool(pd.isna(value))
    return jinja


def _perturbed(tables: Tables) -> tuple[set[str], set[str]]:
    """Return the protocols and the perturbations of the conditions other than clean."""
    rows = tables.robustness[tables.robustness["perturbation"] != CLEAN.perturbation]
    return {str(name) for name in rows["protocol"]}, {str(name) for name in rows["perturbation"]}


def _breakable(name: str) -> Markup:
    """Allow a browser to break a long name after its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _minus(text: str) -> str:
    """Replace the hyphen before a number by a minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")


def _natural(svg: str) -> float:
    """Return the width in rem at which the text of a figure is as large as that of a table."""
    match = re.search(r'viewBox="0 0 ([\d.]+) ', svg)
    return round(float(match[1]) / 9.0, 1) if match else 60.0
