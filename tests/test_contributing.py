"""The recipes of CONTRIBUTING.md, run as they stand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from safetensors.numpy import save_file

from datamodules.common.seeding import rng_for
from tests.support import music, warm_process
from tests.support.command_line import Finished
from tests.support.documentation import example_files
from tests.support.paths import ROOT

PACKAGES = ("datamodules", "lightning_modules", "benchmark", "experiments", "tests")


def examples() -> dict[str, str]:
    return example_files((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


def test_each_recipe_is_complete_and_short():
    found = examples()
    assert len([name for name in found if name.endswith(".py")]) >= 8
    assert max(text.count("\n") for text in found.values()) <= 50


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages with the examples put where the guide puts them, and nothing else."""
    root = tmp_path_factory.mktemp("checkout")
    for package in PACKAGES:
        target = root / package
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                copy = target / path.relative_to(ROOT / package)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    (root / "results").mkdir()
    (root / "results/published.csv").write_bytes((ROOT / "results/published.csv").read_bytes())
    for name, text in examples().items():
        (root / name).write_text(text, encoding="utf-8")
    return root


def run(checkout: Path, *words: str) -> Finished:
    return warm_process.call(*words, cwd=checkout, packages=checkout)


def run_pytest(checkout: Path, selected: str, *files: str) -> Finished:
    return run(
        checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider",
        "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(checkout), "-k", selected, *files,
    )  # fmt: skip


def test_examples_are_in_style(checkout: Path):
    files = [name for name in examples() if name.endswith(".py")]
    check = ["check", "--config", str(ROOT / "pyproject.toml"), *files]
    for command in (check, ["format", "--check", "--line-length", "100", *files]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command],
            cwd=checkout, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def import_tiny_encoder(checkout: Path, folder: Path) -> None:
    """Publish the encoder of the guide with random weights, and import it."""
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "tiny_conv", "width": 4}', "utf-8")
    rng = rng_for("tiny_conv")
    shapes = {"0.weight": (4, 1, 400), "0.bias": (4,), "1.weight": (4, 4, 3), "1.bias": (4,)}
    weights = {k: rng.standard_normal(s).astype(np.float32) for k, s in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    done = run(
        checkout, "-m", "benchmark", "import-checkpoint", str(folder), "--model", "tiny_conv"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_examples_run_together(checkout: Path, tmp_path: Path):
    wavs = tmp_path / "wavs"
    wavs.mkdir()
    for index in range(20):
        name = f"{'major' if index % 2 else 'minor'}-{index:03d}.wav"
        soundfile.write(wavs / name, music.tone(index).astype(np.float32), music.RATE)
    import_tiny_encoder(checkout, tmp_path / "tiny_conv")
    probe = "experiments/models/pretrained/tiny_conv_probe.yaml"
    done = run(
        checkout, "-m", "benchmark", "run", "--dataset", "chords", "--data", str(wavs),
        "--models", f"tiny,tiny_penalty,tiny_energies,octave_linear,{probe}",
        "--perturbations", "low_pass:5",
        "--wandb", "disabled", "--executor", "in_process", "--preset", "smoke",
        "--results", str(tmp_path / "results"), "--data-root", str(tmp_path / "data"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    board = pd.read_csv(tmp_path / "results" / "chords" / "leaderboard.csv")
    results = tmp_path / "results" / "cells"
    assert board["accuracy"].between(0, 1).all()
    expected = {"tiny", "tiny_penalty", "tiny_energies", "octave_linear", "tiny_conv_probe"}
    assert set(board["model"]) == expected
    # The model that sees the view, and the targets that are computed from it, share its rows.
    (rows,) = (tmp_path / "data").glob("*/views/octave_energies-*/00000.json")
    assert json.loads(rows.read_text("utf-8"))["view"]["params"]["block"] == 512
    (targets,) = (tmp_path / "data").glob("*/targets/mean_energies-*.npy")
    np.testing.assert_allclose(np.load(targets).mean(axis=0), 0, atol=1e-5)
    trainings = [json.loads(path.read_text("utf-8")) for path in results.glob("*/metrics.json")]
    logged = [set(cell["history"][-1]) for cell in trainings if "history" in cell]
    assert sum("train_entropy" in names for names in logged) == 1
    assert sum("train_mean_energies_loss" in names for names in logged) == 1
    folder = tmp_path / "results" / "chords"
    for table in ("robustness", "per_tag", "consistency", "effects"):
        assert "low_pass" in set(pd.read_csv(folder / f"{table}.csv")["perturbation"]), table
    assert "low_pass_drop" in board.columns
    effects = pd.read_csv(folder / "effects.csv").query("quantity == 'band_edge_hz'")
    assert effects[["quantity_unit", "asked"]].to_numpy().tolist() == [["Hz", 500.0]]
    assert effects["median"].between(1, 520).all()  # measured by the class; the tones are lower
    curve = pd.read_csv(folder / "report" / "figures" / "degradation_low_pass.csv")
    assert curve["x"].max() == pytest.approx(-np.log2(500), abs=1e-6)  # on its own scale
    assert (folder / "report" / "figures" / "degradation_low_pass.pdf").is_file()
    assert (folder / "report" / "index.html").read_text("utf-8").count("low pass") > 1
    page = (folder / "report" / "index.html").read_text("utf-8")
    assert '<a href="#cost">Cost of the models</a>' in page
    assert re.search(r'<h2 id="cost">.*?tiny</th><td>[\d,]+</td>', page, re.DOTALL)
    assert board["brier"].between(0, 1).all()
    assert "brier" in set(pd.read_csv(folder / "robustness.csv")["metric"])
    assert pd.read_csv(folder / "tag_spread.csv")["spread"].ge(0).all()
    read = [sys.executable, "read_results.py", str(tmp_path / "results")]
    shown = subprocess.run(read, cwd=checkout, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^chords: \w+, made by tagbench .+\n\S+ (major|minor) [01]", shown)


def test_the_measurement_of_a_new_perturbation_finds_its_level(checkout: Path):
    code = (
        "import numpy as np; from benchmark.perturbations import catalogue_entry as entry\n"
        "noise = np.random.RandomState(0).randn(80000).astype('float32'); low = entry('low_pass')\n"
        "edges = [low.axis.requested.measure(noise, low.apply(noise, 16000, hertz, None), 16000)\n"
        "         for hertz in low.levels]\n"
        "assert np.allclose(edges, low.levels, rtol=0.05), edges"
    )
    done = run(checkout, "-c", code)
    assert done.returncode == 0, done.stderr


def test_a_new_augmentation_is_found_and_applied(checkout: Path):
    code = (
        "import numpy as np; from benchmark.augmentations import resolve\n"
        "warm, audio = resolve('warm'), np.linspace(-1, 1, 900, dtype=np.float32)\n"
        "crops = [warm(audio, 16000, 0, number) for number in range(40)]\n"
        "drives = [drawn['drive'] for number in range(40)\n"
        "          for step, drawn in warm.draw(0, number) if step.name == 'soft_clip']\n"
        "assert 8 < len(drives) < 32 and min(drives) >= 2 and max(drives) <= 4\n"
        "clipped = [np.tanh(np.float32(drive)) / np.float32(drive) for drive in drives]\n"
        "assert any(np.isclose(crop[-1], value) for crop in crops for value in clipped)\n"
        "assert any(np.array_equal(crop, audio) for crop in crops)\n"
    )
    done = run(checkout, "-c", code)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run_pytest(checkout, "soft_clip or shipped", "tests/benchmark/augmentations")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout  # the transform, and the shipped files


def test_the_contract_finds_a_new_perturbation(checkout: Path):
    done = run(checkout, "-m", "tests.support.perturbed_samples")
    assert done.returncode == 0, done.stdout + done.stderr
    files = (
        f"tests/benchmark/perturbations/test_{name}.py" for name in ("perturbations", "selection")
    )
    done = run_pytest(checkout, "low_pass and not control", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    # Two questions to each of its levels, and ten to itself.
    assert int(passed[1]) >= 2 * 5 + 10, done.stdout
