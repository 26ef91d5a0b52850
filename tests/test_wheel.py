"""The wheel: its files, its requirements, and commands run from it in an empty folder."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import warm_process
from tests.support.command_line import Finished
from tests.support.paths import ROOT

CODE = ("datamodules", "lightning_modules", "benchmark")
BUILD = ("-m", "build", "--no-isolation", "--outdir")
# Runs `tagbench` in a process that already has torch, without the checkout on the path.
TAGBENCH = """
import sys
from pathlib import Path
sys.path[:] = [entry for entry in sys.path if entry and Path(entry).resolve() != Path({root!r})]
import benchmark.__main__
assert Path(benchmark.__file__).is_relative_to({packages!r}), benchmark.__file__
sys.argv = ["tagbench", *{words!r}]
benchmark.__main__.main()
"""
OWN_CLASS = """
from typing import ClassVar
from lightning_modules.architectures.fcn import FCN

class Mine(FCN):
    identity: ClassVar[str] = "Mine"
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that ``python -m build`` makes from the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, *BUILD, str(folder), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed without what it requires."""
    folder = tmp_path_factory.mktemp("installed")
    pip = ("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile")
    subprocess.run([sys.executable, *pip, "--target", str(folder), str(wheel)], check=True)
    return folder


def test_it_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so that the files are not known")
    listed = subprocess.run(
        [git, "ls-files", "--cached", "--others", "--exclude-standard", *CODE, "experiments"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    files = {file for file in listed if (ROOT / file).is_file()} | {"benchmark/published.csv"}
    members = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert members == files
    assert {Path(file).suffix for file in files} >= {".bib", ".css", ".csv", ".js", ".json", ".txt"}


def test_commands_run_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """Option -S leaves out the link of the virtual environment to the checkout."""
    path = os.pathsep.join([str(installed), sysconfig.get_path("purelib")])
    done = subprocess.run(
        [sys.executable, "-S", str(installed / "bin" / "tagbench"), "list", "presets"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "won2020" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_own_files_of_the_working_folder_are_planned(installed: Path, tmp_path: Path) -> None:
    models = tmp_path / "experiments" / "models"
    models.mkdir(parents=True)
    (tmp_path / "my_networks.py").write_text(OWN_CLASS)
    (models / "mine.yaml").write_text("class: my_networks.Mine\ntitle: Mine\n")
    shutil.copy(ROOT / "experiments" / "models" / "tag_prior.yaml", tmp_path / "floor.yaml")
    words = ("run", "--dataset", "synth_smoke", "--models", "mine,floor.yaml,fcn")
    done = tagbench(installed, tmp_path, *words, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "synth_smoke is not prepared" in done.stdout
    assert "3 training cells" in done.stdout


def tagbench(installed: Path, folder: Path, *words: str) -> Finished:
    code = TAGBENCH.format(root=str(ROOT), packages=str(installed), words=words)
    return warm_process.call("-c", code, cwd=folder, packages=installed)


def test_published_scores_are_in_it(installed: Path, tmp_path: Path) -> None:
    code = "from benchmark.published_scores import *; print(PUBLISHED, len(read_published()))"
    done = warm_process.call("-c", code, cwd=tmp_path, packages=installed)
    assert done.returncode == 0, done.stderr
    path, count = done.stdout.split()
    assert Path(path) == installed / "benchmark" / "published.csv"
    assert int(count) > 100


class Requirements:
    """Distributions of the wheel: always required, and required by each extra."""

    def __init__(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as files:
            (name,) = [name for name in files.namelist() if name.endswith(".dist-info/METADATA")]
            metadata = message_from_bytes(files.read(name))
        lines = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
        self.base = closure(line for line in lines if "extra" not in str(line.marker))
        self.direct = {
            extra: [line for line in lines if re.search(f"extra == .{extra}.", str(line.marker))]
            for extra in metadata.get_all("Provides-Extra")
        }
        self.extras = {extra: closure(found) for extra, found in self.direct.items()}


def closure(lines: Iterable[Requirement]) -> set[str]:
    """Return the names of distributions, and of what those that are installed require."""
    names, waiting = set(), list(lines)
    while waiting:
        line = waiting.pop()
        name = canonicalize_name(line.name)
        names.add(name)
        try:
            further = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            continue
        extras = line.extras or {""}
        waiting += [
            one for one in further
            if canonicalize_name(one.name) not in names
            and (one.marker is None or any(one.marker.evaluate({"extra": e}) for e in extras))
        ]  # fmt: skip
    return names


@pytest.fixture(scope="module")
def requirements(wheel: Path) -> Requirements:
    return Requirements(wheel)


def test_without_extras_nothing_of_them_is_installed(requirements: Requirements) -> None:
    page = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == sorted(requirements.direct)
    for extra, lines in requirements.direct.items():
        names = {canonicalize_name(line.name) for line in lines}
        assert names, extra
        assert names & requirements.base == set(), extra


def imported(path: Path, *, at_import: bool) -> Iterator[str]:
    """Yield the packages that a file imports; ``at_import``: those that its own import needs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if at_import else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and not at_import and len(node.args) == 1:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name == "import_module" and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value).partition(".")[0]


def distributions(package: str, known: Mapping[str, list[str]]) -> set[str]:
    return {canonicalize_name(name) for name in known.get(package, [package])}


def test_every_import_is_a_requirement_or_of_an_extra_that_a_message_names(
    requirements: Requirements,
) -> None:
    own = {*sys.stdlib_module_names, *CODE}
    known = packages_distributions()
    files = [file for package in CODE for file in (ROOT / package).rglob("*.py")]
    sources = "".join(file.read_text(encoding="utf-8") for file in files)
    named = set(re.findall(r"tagbench\[(\w+)\]", sources))
    assert named <= set(requirements.extras), "a message names an extra that does not exist"
    for file in files:
        first = {*imported(file, at_import=True)}
        for package in {*imported(file, at_import=False)} - own:
            names = distributions(package, known)
            if names & requirements.base:
                continue
            extras = {extra for extra, of in requirements.extras.items() if names & of}
            assert extras & named, f"{file} imports {package}, which no message tells to install"
            if package in first:
                assert file.is_relative_to(ROOT / "benchmark" / "ui"), f"{file}: {package}"
