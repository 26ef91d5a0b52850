"""Evaluation results for the Hugging Face hub: ``.eval_results/*.yaml`` in the folder of a model.

The format, https://huggingface.co/docs/hub/eval-results, has no field for an interval, so that
``notes`` states it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.publish.publication import Publication, PublishedModel
from benchmark.publish.scores import Score
from benchmark.publish.yaml_text import yaml_text
from benchmark.report.labels import file_part

FOLDER = ".eval_results"


def eval_results(publication: Publication, model: PublishedModel) -> Mapping[str, str]:
    """Return the text of each file by its name: one for clean audio, one for each perturbation."""
    files: dict[str, list[dict[str, Any]]] = {}
    for score in model.scores:
        condition = [] if score.clean else [score.protocol, score.perturbation]
        name = ".".join(file_part(part) for part in (publication.name, *condition))
        files.setdefault(f"{FOLDER}/{name}.yaml", []).append(_entry(publication, score))
    return {name: yaml_text(entries) for name, entries in files.items()}


def _entry(publication: Publication, score: Score) -> dict[str, Any]:
    info = publication.results.record.info
    origin = (
        f"preset {info['preset']}; manifest {publication.digest[:12]}; tagbench "
        f"{', '.join(publication.results.provenance.versions)}"
    )
    return {
        "dataset": {"id": publication.hub_dataset, "task_id": score.task_id},
        "value": score.value,
        "notes": f"{score.notes}; {origin}",
    }
