"""The shape of the code itself: arrows of import, no print, no global randomness, instant verbs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

ORDER = ("datamodules", "lightning_modules", "benchmark")
FILES = sorted(path for package in ORDER for path in (ROOT / package).rglob("*.py"))

# The whole of NumPy's legacy global generator, and the constructors that are seeded by hand.
NUMPY_SEEDED = {"RandomState", "Generator", "default_rng", "SeedSequence", "PCG64", "MT19937"}
TORCH_RANDOM = {"rand", "randn", "randint", "randperm", "rand_like", "randn_like", "bernoulli"}
# torch's generator is reseeded here and nowhere else: dropout and initial weights have no other.
# The speed measurements draw weights inside fork_rng.
TORCH_SEEDING = {"lightning_modules/base.py", "benchmark/speed/worker.py"}

# What a verb without models imports. One process checks all: torch stays imported once it is.
LIGHT = (
    "benchmark.cli",
    "benchmark.catalog.listing",
    "benchmark.report.html",
    "benchmark.report.pipeline",
    "benchmark.report.terminal",
    "benchmark.score.tables.build",
    "benchmark.score.tables.verify",
    "benchmark.store.merge",
    "benchmark.store.run_record",
    "datamodules.corpus.prepare",
    "datamodules.loaders.windowing",
    "datamodules.synthesis.clip_source",
    "lightning_modules.training.recipe",
)


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, path: Path) -> Iterator[tuple[str, bool]]:
    """Yield imported modules and whether the import runs when the file is loaded."""
    lazy: set[int] = set()
    for node in ast.walk(tree):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if is_function or is_typing:
            lazy |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) not in lazy
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", id(node) not in lazy


def test_there_are_files_to_check():
    assert len(FILES) > 30


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_keeps_the_rules(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = ORDER.index(path.relative_to(ROOT).parts[0])
    for name, _ in imports(tree, path):
        package = name.split(".")[0]
        if package in ORDER:
            assert ORDER.index(package) <= own, f"{path} imports {name}: the arrow points back"
        assert package != "random", f"{path} imports the global generator `random`"
    for node in ast.walk(tree):
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


def test_no_import_cycle():
    names = {module_name(path) for path in FILES}
    graph: dict[str, set[str]] = {}
    for path in FILES:
        found = set()
        for name, at_load in imports(ast.parse(path.read_text(encoding="utf-8")), path):
            if not at_load:
                continue
            target = name if name in names else name.rpartition(".")[0]
            if target in names:
                found.add(target)
        graph[module_name(path)] = found - {module_name(path)}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"import cycle: {' -> '.join((*trail, name))}"
        if name in done:
            return
        for target in graph.get(name, ()):
            visit(target, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def run_python(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_light_modules_do_not_import_torch():
    run_python(
        "import sys\n"
        "from importlib import import_module\n"
        f"for name in {LIGHT}:\n"
        "    import_module(name)\n"
        "    assert 'torch' not in sys.modules, f'{name} imports torch'\n"
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
        "heavy = {'torch', 'numpy', 'pandas', 'pydantic', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
