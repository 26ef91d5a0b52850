"""A small sweep over a folder of music through the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import music
from tests.support.command_line import Finished, call
from tests.support.paths import ROOT

CSVS = ("leaderboard.csv", "robustness.csv", "per_tag.csv", "long_tail.csv", "failures.csv")
PRESET = """
recipe: {name: tiny, epochs: 3, batch_size: 5, lr: 1e-3, schedule: one_cycle, valid_windows: 1}
windows: {protocol: tiled, max_windows: 1}
perturbations: [pitch_up, white_noise]
severities: [3]
n_boot: 100
baseline: musicnn
"""


class Bench:
    """A results folder, a data folder and the command that fills them."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.results = root / name
        self.preset = root / "tiny.yaml"
        if not self.preset.exists():
            self.preset.write_text(PRESET, encoding="utf-8")
        if not (root / "music").exists():
            music.folder(root / "music")

    def arguments(self, *verb: str) -> list[str]:
        return [*verb, "--results", str(self.results)]

    def run_arguments(
        self, models: str = "tag_prior,musicnn", *more: str, wandb: str = "disabled"
    ) -> list[str]:
        return self.arguments(
            "run", "--dataset", "folder", "--data", str(self.root / "music"), "--models", models,
            "--preset", str(self.preset), "--data-root", str(self.root / "data"),
            "--workers", "1", "--wandb", wandb, *more,
        )  # fmt: skip

    def call(self, arguments: list[str], *, report: bool = True) -> Finished:
        return call(*arguments, report=report)

    def start(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        """Run a command in a process of its own, for tests that kill it."""
        return subprocess.Popen(
            [sys.executable, "-m", "benchmark", *arguments],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def copy(self, results: Path) -> Bench:
        """Return the same sweep with results of its own, which a test may change."""
        other = Bench(self.root, self.results.name)
        other.results = results
        shutil.copytree(self.results, results)
        return other

    def csvs(self) -> dict[str, bytes]:
        return {name: (self.results / "folder" / name).read_bytes() for name in CSVS}
