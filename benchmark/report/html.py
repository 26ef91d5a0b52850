"""The HTML report of one dataset: one file that opens offline, in light and in dark.

It is written from the tables alone, so it can be rendered anywhere the CSV files are.
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

from benchmark.report.bibliography import merged, tools
from benchmark.report.figures.draw import WIDE, Drawn, draw_all
from benchmark.report.figures.heat_maps import pair_title
from benchmark.report.figures.protocols import beside, level_number, pairs
from benchmark.report.figures.style import Look, looks, off_scale
from benchmark.report.labels import (
    drop_columns,
    family_title,
    further_metrics,
    main_drops,
    metric_title,
    number,
    protocol_and_family,
    span,
)
from benchmark.report.latex import tables_tex
from benchmark.report.sections import other as sections_of
from benchmark.report.sections.consistency import consistency_section, labelled
from benchmark.report.sections.long_tail import tails
from benchmark.score.long_tail import THRESHOLDS
from benchmark.score.tables.io import primary_metric
from benchmark.store.files import write_text
from benchmark.store.predictions import Tables


def write_report(
    tables: Tables,
    directory: Path,
    provenance: Mapping[str, Any],
    bibtex: Sequence[str] = (),
) -> Path:
    """Write the report of a dataset into ``directory/report``.

    ``index.html``, ``tables.tex`` and ``references.bib``, and the figures in ``figures``. Sounds
    that are in ``directory`` are played.

    Args:
        tables: What :func:`benchmark.score.tables.leaderboard.build_tables` returned.
        directory: ``results/<dataset>``.
        provenance: Versions, digests and configuration to print; nested mappings become sections.
        bibtex: Entries of the models and the dataset; those of the tools are known.

    Returns:
        The path of ``index.html``.
    """
    folder = directory / "report"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = draw_all(tables, folder / "figures")
    write_text(folder / "tables.tex", tables_tex(tables))
    references = merged([*bibtex, *tools(*_heard(tables))])
    write_text(folder / "references.bib", references)
    found = context(tables, drawn, provenance) | {"sounds": sections_of.sounds(directory)}
    page = template("report").render(**found, references=references, cited=bool(bibtex))
    write_text(folder / "index.html", page)
    return folder / "index.html"


@cache
def template(name: str) -> Any:
    """Return the template of a page, ``benchmark/report/templates/<name>.html.jinja``."""
    environment = Environment(
        loader=PackageLoader("benchmark.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "family": family_title, "metric": metric_title}
    environment.filters |= {"minus": _minus, "natural": _natural, "pair": pair_title}
    environment.filters["level"] = lambda level: _minus(level_number(level))
    environment.filters["breakable"] = _breakable
    environment.tests["missing"] = lambda value: value is None or bool(pd.isna(value))
    return environment.get_template(f"{name}.html.jinja")


def _heard(tables: Tables) -> tuple[set[str], set[str]]:
    """Return the protocols and names of the perturbed conditions."""
    rows = tables.robustness[tables.robustness["severity"] > 0]
    return {str(name) for name in rows["protocol"]}, {str(name) for name in rows["perturbation"]}


def _breakable(name: str) -> Markup:
    """Let a browser break a long name after its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def context(tables: Tables, figures: Drawn, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Arrange what the template prints."""
    board, metric = tables.leaderboard, primary_metric(tables.task)
    main, drops = main_drops(tables)
    protocols = {protocol_and_family(tables, name)[0] for name in drop_columns(board)}
    known = labelled(tables)
    # Without labels nobody has a rank, and there is nothing to say of scores.
    ranked = board.dropna(subset=["rank"]) if known else board.dropna(subset=["n_boot"])
    listed = looks([str(name) for name in ranked["model"]])
    shown = off_scale(ranked, listed)
    drawn = ranked[ranked["model"].isin([look.model for look in shown])]
    return {
        "dataset": tables.dataset,
        "task": tables.task,
        "metric": metric,
        "others": further_metrics(board),
        "drops": drops,
        "other_protocols": sorted(protocols - {main}),
        "rows": [_row(row, drawn, metric) for row in records(board)],
        "listed": listed,
        "shown": shown,
        "hidden": [look.model for look in listed if look not in shown],
        "figures": figures.curves,
        "wide": {name: figures.wide.get(name) for name in WIDE},
        "matrices": figures.confusion,
        "files": list(tables.frames()),
        "orders": sections_of.orders(tables.ranks),
        "pairs": pairs(beside(tables.robustness, tables.consistency, metric), metric),
        "effects": sections_of.effects(tables.effects),
        "labelled": known,
        "consistency": consistency_section(tables),
        "conditions": _conditions(tables.robustness, listed, metric) if known else [],
        "tags": _tags(tables, listed) if known else [],
        "tails": tails(tables, listed),
        "failures": records(tables.failures),
        "facts": _facts(tables, ranked),
        "provenance": sections(provenance),
        "known": provenance,
        "software": sections_of.software(provenance),
    }


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame by column name."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _minus(text: str) -> str:
    """Print a minus sign for a hyphen before a number."""
    return text.replace("-", "\N{MINUS SIGN}")


def _natural(svg: str) -> float:
    """Return the width in rem at which the text of a picture is as large as that of a table."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ', svg)
    return round(float(found[1]) / 9.0, 1) if found else 60.0


def _row(row: dict[str, Any], drawn: pd.DataFrame, metric: str) -> dict[str, Any]:
    """Return a row of the leaderboard with the geometry of its interval, in percent of a cell."""
    known = metric in row and not pd.isna(row[metric])
    bar = None
    if known and not pd.isna(row[f"{metric}_low"]) and row["model"] in set(drawn["model"]):
        left = float(drawn[f"{metric}_low"].min())
        width = (float(drawn[f"{metric}_high"].max()) - left) or 1.0
        ends = (row[f"{metric}_low"], row[metric], row[f"{metric}_high"])
        bar = [round(100.0 * (float(value) - left) / width, 2) for value in ends]
    ranks = (row.get(name) for name in ("rank", "rank_low", "rank_high"))
    return {**row, "span": span(*ranks), "bar": bar, "known": known}


def _conditions(
    robustness: pd.DataFrame, listed: Sequence[Look], metric: str
) -> list[dict[str, Any]]:
    """Return one row per perturbed condition with a cell per model, and the shade of its drop."""
    rows = robustness[(robustness["metric"] == metric) & (robustness["severity"] > 0)]
    rows = sections_of.suite_first(rows)
    top = float(rows["drop"].max()) if rows["drop"].notna().any() else 0.0
    keys = ["protocol", "family", "perturbation", "severity", "level", "unit"]
    found = []
    for key, part in rows.groupby(keys, sort=False, dropna=False):
        cells: dict[str, dict[str, Any]] = {}
        for cell in records(part):
            drop, low = cell["drop"], cell["drop_low"]
            shade = 0.0 if pd.isna(drop) or top <= 0 else max(0.0, round(drop / top, 3))
            certain = not pd.isna(low) and (low > 0 or cell["drop_high"] < 0)
            cells[str(cell["model"])] = {**cell, "shade": shade, "certain": certain}
        named = dict(zip(keys, key, strict=True))
        found.append({**named, "cells": [cells.get(look.model) for look in listed]})
    return found


def _tags(tables: Tables, listed: Sequence[Look]) -> list[dict[str, Any]]:
    """Return one row per tag with its score on clean audio, a cell per model.

    The score of a tag is its ROC-AUC, that of a class its F1.
    """
    clean = tables.per_tag[tables.per_tag["severity"] == 0]
    name, prefix = ("f1", "f1_") if tables.task == "singlelabel" else ("roc_auc", "")
    ends = {"value": name, "low": f"{prefix}low", "high": f"{prefix}high"}
    found = []
    for tag, part in clean.groupby("tag", sort=False):
        cells = {
            str(cell["model"]): {**cell, **{key: cell[column] for key, column in ends.items()}}
            for cell in records(part)
        }
        counts = {name: part[name].iloc[0] for name in ("n_positive", "n_train")}
        found.append({"tag": tag, **counts, "cells": [cells.get(one.model) for one in listed]})
    return found


def _facts(tables: Tables, ranked: pd.DataFrame) -> dict[str, Any]:
    """Return the counts that the methods paragraph names."""
    perturbed = tables.robustness[tables.robustness["severity"] > 0]
    conditions = perturbed[["protocol", "perturbation", "severity"]].drop_duplicates()
    first = {} if ranked.empty else ranked.iloc[0].to_dict()
    return {
        "models": len(ranked),
        "conditions": len(conditions),
        "protocols": sorted({str(name) for name in tables.robustness["protocol"]}),
        "seeds": sorted({int(count) for count in ranked["n_seeds"]}),
        "n_tags": tables.per_tag["tag"].nunique(),
        "counted": bool(tables.per_tag["n_train"].notna().any()),
        "rarest": THRESHOLDS[-1],
        "ladders": sections_of.ladders(tables.robustness),
        **{
            name: first.get(name)
            for name in (
                *("n_tracks", "n_valid_tags", "n_clusters", "n_boot", "mce_baseline"),
                *("windows", "preset", "version", "split_digest"),
            )
        },
    }


def sections(provenance: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Flatten provenance: each nested mapping a section, loose values in the first one."""
    loose: list[tuple[str, str]] = []
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for name, value in provenance.items():
        if isinstance(value, Mapping):
            found.append((name, [(key, _text(item)) for key, item in value.items()]))
        else:
            loose.append((name, _text(value)))
    return [("Run", loose), *found] if loose else found


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)
