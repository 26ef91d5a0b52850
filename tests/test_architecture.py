"""Rules of the code itself: imports, sizes, no print, no global randomness, light commands."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

# A package imports only from those before it, and from itself. Lazy imports count.
ORDER = {
    "datamodules": (
        "common", "audio", "download", "corpus", "listening", "synthesis", "views", "labels",
        "annotations", "loaders", "base", "published_facts", "published_dataset",
        "many_archives_dataset", "datasets",
    ),
    "lightning_modules": (
        "inputs", "training", "layers", "frontends", "lifecycle", "base", "frozen",
        "encoders", "stages", "architectures",
    ),
    "benchmark": (
        "interruption", "kernels", "processes", "malloc", "determinism", "experiment_files",
        "published_scores", "perturbations", "augmentations", "config", "store", "checkpoints",
        "plan", "score", "report", "tracking", "publish", "train", "predict", "embed", "hear",
        "run", "catalog", "doctor", "ui", "cli", "speed", "__main__",
    ),
}  # fmt: skip
PACKAGES = tuple(ORDER)
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))
# Folders of leaves, one idea a file, may hold more.
LEAVES = {
    "annotations",
    "architectures",
    "augmentations",
    "datasets",
    "encoders",
    "perturbations",
    "figures",
    "sections",
    "stages",
    "synthesis",
    "views",
}
MOST_FILES, MOST_LINES, MOST_FUNCTION_LINES = 15, 300, 50
DATASETS = sorted((ROOT / "datamodules" / "datasets").glob("*.py"))
MOST_DATASET_LINES = 120


# The whole of NumPy's legacy global generator, and the constructors that are seeded by hand.
NUMPY_SEEDED = {"RandomState", "Generator", "default_rng", "SeedSequence", "PCG64", "MT19937"}
TORCH_RANDOM = {"rand", "randn", "randint", "randperm", "rand_like", "randn_like", "bernoulli"}
# torch's generator is reseeded here and nowhere else: dropout and initial weights have no other.
# The speed measurements draw weights inside fork_rng.
TORCH_SEEDING = {
    "lightning_modules/base.py",
    "lightning_modules/lifecycle.py",
    "benchmark/train/model.py",
    "benchmark/speed/worker.py",
}

# What a verb without models imports. One process checks all: torch stays imported once it is.
LIGHT = (
    "benchmark.augmentations",
    "benchmark.cli",
    "benchmark.cli.models",
    "benchmark.cli.results",
    "benchmark.catalog.listing",
    "benchmark.report.html",
    "benchmark.report.pipeline",
    "benchmark.report.terminal",
    "benchmark.score.tables.build",
    "benchmark.score.tables.verify",
    "benchmark.store.merge",
    "benchmark.store.run_record",
    "benchmark.ui.app",
    "datamodules.corpus.prepare",
    "datamodules.loaders.windowing",
    "datamodules.synthesis.clip_source",
    "lightning_modules.training.recipe",
)


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def imported_names(path: Path) -> Iterator[str]:
    """Yield every name that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(path: Path) -> Iterator[str]:
    """Yield every module of the three packages that a file imports."""
    for name in imported_names(path):
        assert name.split(".")[0] != "random", f"{path} imports the global generator `random`"
        target = name if name in MODULES else name.rpartition(".")[0]
        if target in MODULES:
            yield target


GRAPH = {name: set(imports(path)) - {name} for name, path in MODULES.items()}


def place(module: str) -> tuple[int, int]:
    """Return the position of a module in the order; it may import what has a smaller one."""
    package, *rest = module.split(".")
    if not rest:
        return PACKAGES.index(package), -1
    assert rest[0] in ORDER[package], f"{module}: give {rest[0]} a place in ORDER"
    return PACKAGES.index(package), ORDER[package].index(rest[0])


def test_there_are_files_to_check():
    assert len(FILES) > 200


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_left(module: str):
    for target in GRAPH[module]:
        assert place(target) <= place(module), f"{module} imports {target}: the arrow points back"


def test_no_import_cycle():
    graphlib.TopologicalSorter(GRAPH).prepare()  # CycleError names the cycle


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=lambda p: p.name)
def test_no_folder_is_crowded(folder: Path):
    files = [path for path in folder.iterdir() if path.is_file()]
    assert folder.name in LEAVES or len(files) <= MOST_FILES


@pytest.mark.parametrize("path", DATASETS, ids=lambda p: p.stem)
def test_a_dataset_is_facts_and_a_list_of_tracks(path: Path):
    lines = path.read_text(encoding="utf-8").count("\n")
    advice = "readers belong in annotations, downloads in download, tables in datasets/files"
    assert lines <= MOST_DATASET_LINES, f"{path} has {lines} lines: {advice}"


def test_no_file_is_long():
    n_lines = {path: len(path.read_text("utf-8").splitlines()) for path in [*FILES, *TEST_FILES]}
    long = {str(path.relative_to(ROOT)): n for path, n in n_lines.items() if n > MOST_LINES}
    assert not long, f"more than {MOST_LINES} lines: {long}"


def test_tests_import_no_tests():
    for path in TEST_FILES:
        for name in imported_names(path):
            shared = name.startswith("tests.support.")
            assert shared or name.split(".")[0] != "tests", f"{path} imports {name}"


def is_explained(lines: list[str], start: int) -> bool:
    """Tell whether a comment above or below a function says why it reads best whole."""
    return any("reads best whole" in line for line in lines[max(0, start - 4) : start + 12])


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_keeps_the_rules(path: Path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            short = length <= MOST_FUNCTION_LINES
            assert short or is_explained(lines, node.lineno), f"{path}: {node.name}: {length} lines"
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called != "print", f"{path}:{node.lineno} prints"
        head, _, last = called.rpartition(".")
        if head in ("np.random", "numpy.random"):
            assert last in NUMPY_SEEDED, f"{path}:{node.lineno} uses NumPy's global generator"
            assert node.args, f"{path}:{node.lineno} takes its seed from the machine"
        seeds = str(path.relative_to(ROOT)) in TORCH_SEEDING
        if head == "torch" and last in TORCH_RANDOM and not seeds:
            keywords = {keyword.arg for keyword in node.keywords}
            assert "generator" in keywords, f"{path}:{node.lineno} uses torch's global generator"
        if called in ("torch.manual_seed", "torch.seed"):
            assert seeds, f"{path}:{node.lineno} seeds torch"


def run_python(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_light_modules_do_not_import_torch():
    run_python(
        "import sys\n"
        "import benchmark.cli\n"
        "from importlib import import_module\n"
        f"for name in {LIGHT}:\n"
        "    import_module(name)\n"
        "    heavy = {'torch', 'transformers'} & set(sys.modules)\n"
        "    assert not heavy, f'{name} imports {heavy}'\n"
        "from typer.testing import CliRunner\n"
        "for verb in ('status', 'report'):\n"
        "    result = CliRunner().invoke(benchmark.cli.app, [verb, '--results', 'absent'])\n"
        "    heavy = {'torch', 'transformers'} & set(sys.modules)\n"
        "    assert result.exit_code and not heavy, f'{verb} imports {heavy}'\n"
    )


def test_help_and_version_import_next_to_nothing():
    run_python(
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from benchmark.cli import app\n"
        "result = CliRunner().invoke(app, ['--help'])\n"
        "assert result.exit_code == 0 and 'leaderboard' in result.output\n"
        "result = CliRunner().invoke(app, ['--version'])\n"
        "assert result.exit_code == 0 and result.output == 'tagbench 0.1.0\\n', result.output\n"
        "heavy = {'torch', 'transformers', 'numpy', 'pandas', 'pydantic', 'matplotlib'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
