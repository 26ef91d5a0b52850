"""The folder of a published model: weights, their description, the card and evaluation results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmark import __version__
from benchmark.checkpoints.cell_copy import copy_model
from benchmark.config.card import CheckpointCard
from benchmark.publish.eval_results import eval_results
from benchmark.publish.model_card import model_card
from benchmark.publish.publication import Publication, PublishedModel
from benchmark.store.files import write_json, write_text

CONFIG = "config.json"


def write_model(publication: Publication, model: PublishedModel, target: Path) -> None:
    """Write the folder of a model, which a hub can receive as it is.

    Without weights the folder has the card and the evaluation results only.

    Args:
        publication: The publication that it belongs to.
        model: The model.
        target: Folder to create.

    Raises:
        TagbenchError: The weights are missing or damaged.
    """
    target.mkdir(parents=True)
    card = None
    if model.weights:
        card = copy_model(publication.results.store.folder(model.cell["id"]), target)
        write_json(target / CONFIG, config(card), indent=2)
    write_text(target / "README.md", model_card(publication, model, card))
    for name, text in eval_results(publication, model).items():
        path = target / name
        path.parent.mkdir(exist_ok=True)
        write_text(path, text)


def config(card: CheckpointCard) -> dict[str, Any]:
    """Return ``config.json``: facts of the card under the names that the hub's tools read."""
    singlelabel = card.task == "singlelabel"
    document = {
        "model_type": "tagbench",
        "architectures": [card.class_path.rpartition(".")[2]],
        "problem_type": f"{'single' if singlelabel else 'multi'}_label_classification",
        "num_labels": card.n_tags,
        "id2label": {str(index): tag for index, tag in enumerate(card.tags)},
        "label2id": {tag: index for index, tag in enumerate(card.tags)},
        "sampling_rate": card.architecture.sample_rate,
        "input_samples": card.architecture.window,
        "tagbench_version": __version__,
        "weights_sha256": card.weights_sha256,
    }
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain
