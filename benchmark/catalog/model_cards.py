"""Model cards: architecture, cost and published scores of each model.

Facts come from the classes, costs are counted, and scores are read from ``results/published.csv``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config.schema import ModelFile
from benchmark.experiment_files import find, load, names
from benchmark.published_scores import PUBLISHED, read_published

if TYPE_CHECKING:
    from rich.table import Table

    from lightning_modules.base import TaggingModule

# The published taggers have 50 tags.
N_TAGS = 50

DATASETS = {"mtat": "MTAT", "msd": "MSD", "jamendo": "Jamendo"}
HEADER = ("model", "architecture", "paper", "window", "front end", "parameters", "MMAC/s")

Scores = Mapping[tuple[str, str, str], float]


@dataclass(frozen=True)
class ModelCard:
    """Summary of a model.

    Attributes:
        name: Name on the command line.
        title: Name in tables.
        paper: Source of the architecture.
        window_s: Input length in seconds; None for whole tracks.
        front_end: Time-frequency representation of the first layer.
        n_params: Learned scalars at 50 tags.
        macs_per_second: Multiply-adds per second of audio, without FFTs, recurrent cells and
            attention matrices.
        scores: Published (ROC-AUC, PR-AUC) by dataset, as fractions; None where not published.
        elsewhere: Published scores on other datasets, as text.
    """

    name: str
    title: str
    paper: str
    window_s: float | None
    front_end: str
    n_params: int
    macs_per_second: float
    scores: Mapping[str, tuple[float, float] | None]
    elsewhere: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        figures = (self.scores[dataset] for dataset in DATASETS)
        return (
            self.name,
            self.title,
            self.paper,
            "track" if self.window_s is None else f"{self.window_s:.2f} s",
            self.front_end,
            f"{self.n_params:,}",
            f"{self.macs_per_second / 1e6:,.0f}",
            *(f"{score[0]:.4f} / {score[1]:.4f}" if score else "" for score in figures),
            self.elsewhere,
        )


def published(path: Path = PUBLISHED) -> Scores:
    """Read published scores by (model, dataset, metric); the first row of several is used.

    Models trained and tested on different datasets are left out. An installed package does not have
    the file, so its cards have no scores.
    """
    scores: dict[tuple[str, str, str], float] = {}
    for row in read_published(path):
        if row.trained_on == row.dataset:
            scores.setdefault((row.model, row.dataset, row.metric), row.value)
    return scores


def card(name: str, scores: Scores) -> ModelCard:
    """Return the card of one model, which is built and run once to count its cost.

    Args:
        name: Name of the model file.
        scores: From :func:`published`.
    """
    from benchmark.config.models import ResolvedModel
    from benchmark.plan.cost import cost_of

    file = load(find("models", name), ModelFile)
    model = ResolvedModel.of(name, file)
    cost = cost_of(model, N_TAGS)
    module = model.build(N_TAGS)
    return ModelCard(
        name=name,
        title=file.title or module.title,
        paper=module.paper,
        window_s=model.input_spec.seconds,
        front_end=front_end(module),
        n_params=cost.n_params,
        macs_per_second=cost.macs_per_second_of_audio,
        scores={dataset: _pair(name, dataset, scores) for dataset in DATASETS},
        elsewhere=_elsewhere(name, scores),
    )


def _pair(name: str, dataset: str, scores: Scores) -> tuple[float, float] | None:
    """Return the published ROC-AUC and PR-AUC of a model, or None if one of them is missing."""
    roc_auc, pr_auc = (scores.get((name, dataset, metric)) for metric in ("roc_auc", "pr_auc"))
    return None if roc_auc is None or pr_auc is None else (roc_auc, pr_auc)


def _elsewhere(name: str, scores: Scores) -> str:
    """Return ROC-AUC and PR-AUC, the accuracy, or the MAP, on each dataset that has no column."""
    texts = []
    for dataset in dict.fromkeys(
        d for model, d, _ in scores if model == name and d not in DATASETS
    ):
        pair = _pair(name, dataset, scores)
        accuracy = scores.get((name, dataset, "accuracy"))
        if pair is not None:
            texts.append(f"{dataset}: {pair[0]:.4f} / {pair[1]:.4f}")
        elif accuracy is not None:
            texts.append(f"{dataset}: accuracy {accuracy:.4f}")
        elif (mean := scores.get((name, dataset, "pr_auc"))) is not None:
            texts.append(f"{dataset}: MAP {mean:.4f}")
    return "; ".join(texts)


def front_end(module: TaggingModule) -> str:
    """Return the view or time-frequency representation of a model, ``waveform`` or ``none``."""
    from lightning_modules.frontends import FrontEnd

    if module.view is not None:
        return f"{module.view.name}, {module.view.width}"
    for child in module.modules():
        if isinstance(child, FrontEnd):
            maps = f"{child.channels} x " if child.channels > 1 else ""
            return f"{child.name}, {maps}{child.bands}"
    return "waveform" if module.n_params else "none"


def cards() -> list[ModelCard]:
    """Return the cards of all models."""
    scores = published()
    return [card(name, scores) for name in names("models")]


def header() -> tuple[str, ...]:
    """Return the headings of the columns."""
    return (*HEADER, *(f"{title} ROC / PR" for title in DATASETS.values()), "other datasets")


def table() -> Table:
    """Return the cards as a table for the terminal."""
    from rich.table import Table

    return wrapped(Table(title="Models"), header(), [item.cells() for item in cards()])


def wrapped(table: Table, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Fill a table whose cells wrap on a narrow terminal, except those of the first column."""
    for index, head in enumerate(header):
        table.add_column(head, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
