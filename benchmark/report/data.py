"""Input data of the sections of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.report.figures.draw import Drawn
from benchmark.report.figures.style import ModelStyle, model_styles, plottable
from benchmark.report.labels import has_labels, main_drops, n_left_out
from benchmark.score.metrics import primary_metric
from benchmark.store.tables import Tables


@dataclass(frozen=True)
class ReportData:
    """Input of a report section.

    Attributes:
        tables: The tables of the dataset.
        directory: ``results/<dataset>``.
        figures: The figures, as SVG.
        provenance: Versions, digests and configuration; nested mappings become groups.
        references: Text of ``references.bib``.
        cites_models: Whether ``references`` has entries of the models and the dataset.
    """

    tables: Tables
    directory: Path
    figures: Drawn
    provenance: Mapping[str, Any]
    references: str
    cites_models: bool

    @cached_property
    def metric(self) -> str:
        """Score that ranks the models."""
        return primary_metric(self.tables.task)

    @property
    def unit(self) -> str:
        """The word for a label of the task: ``"tag"`` or ``"class"``."""
        return "class" if self.tables.task == "singlelabel" else "tag"

    @property
    def units(self) -> str:
        """The plural of ``unit``."""
        return "classes" if self.tables.task == "singlelabel" else "tags"

    @cached_property
    def labelled(self) -> bool:
        """Whether the dataset has labels, so that there are scores."""
        return has_labels(self.tables)

    @cached_property
    def n_left_out(self) -> int:
        """Number of tags of the dataset that are not compared, see ``left_out_tags.csv``."""
        return n_left_out(self.tables)

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """Rows of the leaderboard to report: ranked models, or all of them without labels."""
        return self.tables.leaderboard.dropna(subset=["rank" if self.labelled else "n_boot"])

    @cached_property
    def models(self) -> list[ModelStyle]:
        """Models in the order of the leaderboard."""
        return model_styles([str(name) for name in self.ranked["model"]])

    @cached_property
    def plotted(self) -> list[ModelStyle]:
        """Models that curves show: all but constant predictors."""
        return plottable(self.ranked, self.models)

    @cached_property
    def drops(self) -> tuple[str, list[str]]:
        """Protocol of the means over families, and its drop columns of the leaderboard."""
        return main_drops(self.tables)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Counts and settings that the header and the text of the methods state."""
        robustness, ranked = self.tables.robustness, self.ranked
        perturbed = robustness[robustness["severity"] > 0]
        conditions = perturbed[["protocol", "perturbation", "severity"]].drop_duplicates()
        first = {} if ranked.empty else ranked.iloc[0].to_dict()
        names = ("n_tracks", "n_valid_tags", "n_clusters", "n_boot", "mce_baseline", "windows")
        return {
            "models": len(ranked),
            "conditions": len(conditions),
            "protocols": sorted({str(name) for name in robustness["protocol"]}),
            "seeds": sorted({int(count) for count in ranked["n_seeds"]}),
            "n_tags": self.tables.per_tag["tag"].nunique(),
            "failures": len(self.tables.failures),
            **{name: first.get(name) for name in names},
        }
