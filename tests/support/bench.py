"""The command line in a folder of its own, as its users call it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import music
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
        self.preset.write_text(PRESET, encoding="utf-8")
        if not (root / "music").exists():
            music.folder(root / "music")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "benchmark", *arguments, "--results", str(self.results)]

    def run_command(self, models: str = "tag_prior,musicnn", *more: str) -> list[str]:
        return self.command(
            "run", "--dataset", "folder", "--data", str(self.root / "music"), "--models", models,
            "--preset", str(self.preset), "--data-root", str(self.root / "data"),
            "--workers", "1", "--wandb", "disabled", *more,
        )  # fmt: skip

    def call(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=500
        )

    def csvs(self) -> dict[str, bytes]:
        return {name: (self.results / "folder" / name).read_bytes() for name in CSVS}
