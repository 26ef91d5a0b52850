"""Write a publication: every format, in a folder that appears complete or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmark import __version__
from benchmark.publish.checkpoints import write_model
from benchmark.publish.citation import bibtex, cff
from benchmark.publish.croissant import FOLDER, write_croissant
from benchmark.publish.folder import check_target, new_folder
from benchmark.publish.model_card import templates
from benchmark.publish.publication import Choices, Publication, collect
from benchmark.publish.ro_crate import PREDICTIONS_FOLDER, TABLES_FOLDER, write_crate
from benchmark.report.labels import metric_title
from benchmark.score.metrics import primary_metric
from benchmark.store.cells import PREDICTIONS
from benchmark.store.files import copy_file, write_text
from benchmark.store.tables import write_tables


def publish(results: Path, target: Path, data_root: Path, choices: Choices) -> Publication:
    """Write the publication of the results of a dataset; twice gives the same bytes.

    Args:
        results: ``results/<dataset>``.
        target: Folder to create, or an unchanged publication, which is replaced.
        data_root: Folder of prepared corpora.
        choices: Choices of the publisher.

    Returns:
        What was published.

    Raises:
        TagbenchError: See `collect` and `new_folder`.
    """
    check_target(target)  # before the tables are computed
    publication = collect(results, data_root, choices)
    with new_folder(target, publication.name) as folder:
        for model in publication.models:
            write_model(publication, model, folder / model.path)
        write_tables(publication.tables, folder / TABLES_FOLDER, publication.inputs)
        if choices.predictions:
            _copy_predictions(publication, folder / PREDICTIONS_FOLDER)
        if publication.corpus is not None:
            write_croissant(publication, publication.corpus, folder / FOLDER)
        write_text(folder / "CITATION.bib", bibtex(publication))
        write_text(folder / "CITATION.cff", cff())
        write_text(folder / "README.md", readme(publication))
        write_crate(publication, folder)
    return publication


def readme(publication: Publication) -> str:
    """Return the text of ``README.md``: what the folder contains, and how it is used."""
    tables = publication.tables
    metric = primary_metric(tables.task)
    weights = [model.path for model in publication.models if model.weights]
    return templates().get_template("readme.md.jinja").render(
        publication=publication,
        metric=metric_title(metric),
        rows=[_row(row, metric) for row in tables.leaderboard.to_dict("records")],
        example=(weights or ["models/MODEL"])[0],
        version=__version__,
    )  # fmt: skip


def _row(row: dict[Any, Any], metric: str) -> dict[str, str]:
    """Return a row of the leaderboard as text."""
    low, high, value = row.get(f"{metric}_low"), row.get(f"{metric}_high"), row.get(metric)
    return {
        "rank": "" if pd.isna(row["rank"]) else f"{row['rank']:.0f}",
        "model": str(row["model"]),
        "value": "" if pd.isna(value) else f"{value:.4f}",
        "interval": "" if pd.isna(low) or pd.isna(high) else f"{low:.4f} to {high:.4f}",
    }


def _copy_predictions(publication: Publication, target: Path) -> None:
    store = publication.results.store
    target.mkdir()
    for evaluation in publication.results.evaluations:
        digest = store.metrics(evaluation.cell_id)["files"][PREDICTIONS]
        copy_file(evaluation.predictions, target / f"{evaluation.cell_id}.npz", digest)
