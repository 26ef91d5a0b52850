"""Reference implementation of the statistics of the tables: loops, pairs and percentiles.

It shares only the resampling weights with the code under test; the tests of the bootstrap check
those. A statistic with other weights, another order of averages or another percentile differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmark.score.bootstrap import draw_weights, seed_shares
from benchmark.score.tag_groups import TagFacts
from benchmark.store.predictions import Evaluation, load_predictions

B, N, C = 60, 66, 6
MODELS = ("crnn", "fcn", "musicnn")
SEEDS = (0, 1)
FAMILIES = {
    "pitch_shift": {1: ("pitch_down", "pitch_up"), 3: ("pitch_down", "pitch_up")},
    "white_noise": {1: ("white_noise",), 3: ("white_noise",)},
}
CONDITIONS = [
    (name, severity)
    for steps in FAMILIES.values()
    for severity, names in steps.items()
    for name in names
]
CLUSTERS = [f"artist:{(i * i) % 29}" for i in range(N)]
FACTS = TagFacts(
    {"pitch_shift": ("tag0", "tag3")},
    {**dict.fromkeys(("tag0", "tag1", "tag4"), "genre"), "tag2": "voice"},
)


def auc(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the ROC-AUC (1 + B,) under weights (1 + B, N): pairs in order, ties as one half."""
    positive, negative = targets == 1, targets == 0
    ordered = np.sign(scores[positive][:, None] - scores[negative][None]) / 2 + 0.5
    up, down = weights[:, positive], weights[:, negative]
    pairs = up.sum(axis=1) * down.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return ((up @ ordered) * down).sum(axis=1) / pairs


def mean_over_tags(values: Sequence[np.ndarray]) -> np.ndarray:
    """Average (1 + B,) arrays of tags, of which some may be undefined."""
    return np.array([np.nanmean(column) for column in np.array(values).T])


def ends(samples: np.ndarray) -> np.ndarray:
    """Return the percentile interval of (1 + B,), whose first value is the estimate."""
    return np.nanpercentile(samples[1:], [2.5, 97.5])


class ReferenceStatistics:
    """ROC-AUC of every model and condition, and the statistics defined by it, each (1 + B,)."""

    def __init__(self, cells: Sequence[Evaluation], baseline: str) -> None:
        drawn = draw_weights(np.array(CLUSTERS), B, "synth", 0)
        self.weights = drawn.packed.transpose(0, 2, 1).reshape(-1, N)[: B + 1].astype(float)
        self.shares = seed_shares(len(SEEDS), B, "synth", 0)
        self.stored = {
            (
                cell.model,
                cell.seed,
                cell.condition.perturbation,
                cell.condition.severity,
            ): load_predictions(cell.predictions)
            for cell in cells
        }
        self.tags = {
            key: [auc(s.scores[:, c], s.targets[:, c], self.weights) for c in range(C)]
            for key, s in self.stored.items()
        }
        self.baseline = baseline

    def over_seeds(self, values: Iterable[np.ndarray]) -> np.ndarray:
        """Average values of seeds by their resampled shares."""
        return sum(share * value for share, value in zip(self.shares, values, strict=True))

    def score(
        self, model: str, name: str, severity: int, columns: Iterable[int] = range(C)
    ) -> np.ndarray:
        """Return the macro ROC-AUC over some tags."""
        return self.over_seeds(
            mean_over_tags([self.tags[model, seed, name, severity][c] for c in columns])
            for seed in SEEDS
        )

    def clean(self, model: str) -> np.ndarray:
        """Return the score on clean audio."""
        return self.score(model, "clean", 0)

    def drop(
        self, model: str, name: str, severity: int, columns: Iterable[int] = range(C)
    ) -> np.ndarray:
        """Return the clean score minus that under a condition."""
        return self.score(model, "clean", 0, columns) - self.score(model, name, severity, columns)

    def curve(self, model: str, family: str) -> list[np.ndarray]:
        """Return the score at each severity, averaged over directions."""
        return [
            np.mean([self.score(model, name, severity) for name in names], axis=0)
            for severity, names in FAMILIES[family].items()
        ]

    def drops(self, model: str, family: str) -> list[np.ndarray]:
        """Return the drop at each severity."""
        return [self.clean(model) - score for score in self.curve(model, family)]

    def ce(self, model: str, family: str) -> np.ndarray:
        """Return the corruption error."""
        error, base = (sum(1 - a for a in self.curve(m, family)) for m in (model, self.baseline))
        return error / base

    def mce(self, model: str) -> np.ndarray:
        """Return the mean corruption error."""
        return np.mean([self.ce(model, family) for family in FAMILIES], axis=0)

    def relative_mce(self, model: str) -> np.ndarray:
        """Return the relative mean corruption error."""
        totals = {m: [sum(self.drops(m, f)) for f in FAMILIES] for m in (model, self.baseline)}
        base = totals[self.baseline]
        certain = (total[0] > 5 * total[1:].std(ddof=1) for total in base)
        assert all(certain), "a drop of the baseline is too close to zero"
        return np.mean([a / b for a, b in zip(totals[model], base, strict=True)], axis=0)

    def retention(self, model: str, family: str) -> list[np.ndarray]:
        """Return the share of the skill that each severity leaves."""
        skill = self.clean(model) - 0.5
        return [(score - 0.5) / skill for score in self.curve(model, family)]

    def audc(self, model: str, family: str) -> np.ndarray:
        """Return the area under the curve of the retention."""
        mild, strong = self.retention(model, family)
        return (1 * (1 + mild) / 2 + 2 * (mild + strong) / 2) / 3

    def worst_drop(self, model: str, families: Sequence[str] = tuple(FAMILIES)) -> np.ndarray:
        """Return the largest drop."""
        drops = [
            self.drop(model, name, severity)
            for family in families
            for severity, names in FAMILIES[family].items()
            for name in names
        ]
        return np.max(drops, axis=0)

    def critical_severity(self, model: str, family: str) -> np.ndarray:
        """Return the severity at which the drop reaches 0.02."""
        severities = []
        for mild, strong in zip(*self.drops(model, family), strict=True):
            if mild >= 0.02:
                severities.append(0.02 / mild)
            elif strong >= 0.02:
                severities.append(1 + 2 * (0.02 - mild) / (strong - mild))
            else:
                severities.append(np.inf)
        return np.array(severities)
