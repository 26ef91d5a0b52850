"""Stored samples of each condition; ``python -m tests.support.perturbed_samples`` renews them.

They are compared with a tolerance and not by hash, since processors round differently.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from benchmark.perturbations import Condition, Perturbation, catalogue, perturb
from tests.support.paths import DATA
from tests.support.sounds import RATE, music

GOLDEN = DATA / "perturbed.json"
KEPT = 24  # samples of each, evenly spread


def probe(condition: Condition) -> list[float]:
    """Return a few samples of half a second of music under a condition."""
    audio = perturb(music(0.5), RATE, condition, seed=0, track_id="golden")
    places = np.linspace(0, len(audio) - 1, KEPT).astype(int)
    return [round(float(x), 6) for x in audio[places]]


def entry(perturbation: Perturbation) -> dict[str, Any]:
    """Return identity, levels and samples of a perturbation."""
    ladder = [perturbation.condition(k + 1) for k in range(len(perturbation.levels))]
    return {
        "identity": perturbation.identity(),
        "levels": list(perturbation.levels),
        "samples": [probe(condition) for condition in ladder],
    }


def _store() -> None:
    golden = {name: entry(perturbation) for name, perturbation in sorted(catalogue().items())}
    lines = (f"{json.dumps(n)}: {json.dumps(e, separators=(',', ':'))}" for n, e in golden.items())
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    _store()
