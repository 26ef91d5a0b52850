"""Model cards: front matter with a ``model-index`` for hubs, and a text for readers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmark import __version__
from benchmark.config.card import CheckpointCard
from benchmark.publish.citation import citations_of
from benchmark.publish.licences import UNSTATED
from benchmark.publish.publication import Publication, PublishedModel
from benchmark.publish.scores import Score
from benchmark.publish.yaml_text import yaml_text


@cache
def templates() -> Environment:
    """Return the templates of Markdown files, in which undefined values are errors."""
    environment = Environment(
        loader=PackageLoader("benchmark.publish"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment


def model_card(publication: Publication, model: PublishedModel, card: CheckpointCard | None) -> str:
    """Return the text of ``README.md``.

    Args:
        publication: The publication.
        model: The model.
        card: Card of its checkpoint; None where the weights are not published.
    """
    text = templates().get_template("model_card.md.jinja").render(
        publication=publication,
        model=model,
        card=card,
        info=publication.results.record.info,
        bibtex=citations_of(publication, model.name),
        unstated=UNSTATED,
        version=__version__,
    )  # fmt: skip
    return f"---\n{yaml_text(front_matter(publication, model))}---\n\n{text}"


def front_matter(publication: Publication, model: PublishedModel) -> dict[str, Any]:
    """Return the metadata of a card as the Hugging Face hub reads it."""
    metrics = list(dict.fromkeys(score.metric for score in model.scores))
    results = [
        _result(publication, list(scores))
        for _, scores in groupby(model.scores, key=lambda score: (score.protocol, score.condition))
    ]
    scores = {"metrics": metrics, "model-index": [{"name": model.name, "results": results}]}
    return {
        **({"license": model.licence} if model.weights else {}),
        "library_name": "tagbench",
        "pipeline_tag": "audio-classification",
        "tags": ["music", "music-tagging", "robustness", "tagbench"],
        **(scores if results else {}),
    }


def _result(publication: Publication, scores: list[Score]) -> Mapping[str, Any]:
    """Return the scores under one condition; all of ``scores`` share it."""
    first = scores[0]
    arguments = {
        "protocol": first.protocol,
        "perturbation": first.perturbation,
        "severity": first.severity,
        **({} if first.level is None else {"level": first.level, "unit": first.unit}),
        "manifest": publication.digest,
    }
    return {
        "task": {"type": "audio-classification", "name": "Music tagging"},
        "dataset": {
            "type": publication.hub_dataset,
            "name": f"{publication.name}, {first.condition} (protocol {first.protocol})",
            "config": f"{first.protocol}-{first.perturbation}-{first.severity}",
            "split": "test",
            "args": arguments,
        },
        "metrics": [
            {
                "type": score.metric,
                "name": f"{score.title} ({score.interval})" if score.interval else score.title,
                "value": score.value,
            }
            for score in scores
        ],
    }


def _cell(text: object) -> str:
    """Return a text for a cell of a Markdown table."""
    return " ".join(str(text).replace("|", "\\|").split())
