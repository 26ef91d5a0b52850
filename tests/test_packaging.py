"""The lock, the Makefile's check of Python, and the data files of datasets."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.support import warm_process
from tests.support.paths import ROOT

PYTHON = """#!/bin/sh
# Stands for Python {version}; records every call but the version query.
case "$*" in
  *version_info*) echo {version}; exit 0 ;;
  "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python; cp "$0" .venv/bin/uv ;;
esac
echo "{version} ${{0##*/}} $*" >> calls
"""


def test_each_package_is_locked_at_one_version():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[^\s;@]+( ; .+)?", line)] == []
    counts = Counter(Requirement(line).name for line in lines)
    assert [name for name, count in counts.items() if count > 1] == []


def supported_minors() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    supported = SpecifierSet(project["requires-python"])
    return [f"3.{minor}" for minor in range(100) if f"3.{minor}" in supported]


@pytest.fixture
def checkout(tmp_path):
    """A copy of the build files, with `python3` of 3.10 and each supported Python on PATH."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in ("awk", "cp", "mkdir", "rm", "sh", "touch"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    add_python(tmp_path, "python3", "3.10.12")
    for minor in supported_minors():
        add_python(tmp_path, f"python{minor}", f"{minor}.5")
    return tmp_path


def add_python(checkout: Path, name: str, version: str) -> None:
    path = checkout / "bin" / name
    path.write_text(PYTHON.format(version=version))
    path.chmod(0o755)


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "PYTHON"}
    return subprocess.run(
        [shutil.which("make"), *arguments],
        cwd=checkout,
        env=kept | {"PATH": str(checkout / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


def venv_python(checkout: Path) -> str:
    return (checkout / ".venv/bin/python").read_text().split("Python ")[1].split(";")[0]


@pytest.mark.parametrize("python", ["python3", "python3.9", "no-such-python"])
def test_unsupported_python_is_refused_with_the_command_to_run(checkout, python):
    add_python(checkout, "python3.9", "3.9.18")
    given = [] if python == "python3" else [f"PYTHON={python}"]
    done = make(checkout, "benchmark", "DATASET=mtat", *given)
    version = {"python3": "3.10.12", "python3.9": "3.9.18"}.get(python, "none found")
    first = supported_minors()[0]
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"'{python}': {version}" in done.stderr
    assert f"one of: {' '.join(supported_minors())}." in done.stderr
    assert f"'make benchmark DATASET=mtat PYTHON=python{first}'" in done.stderr
    assert not (checkout / ".venv").exists()


def test_unsupported_python_names_no_interpreter_that_is_missing(checkout):
    for path in (checkout / "bin").glob("python3.*"):
        path.unlink()
    done = make(checkout, "install")
    assert "On PATH: none; install one first." in done.stderr


def test_venv_follows_the_python_that_is_given(checkout):
    first, *_, last = supported_minors()
    (checkout / ".venv/bin").mkdir(parents=True)
    shutil.copy(checkout / "bin/python3", checkout / ".venv/bin/python")  # of 3.10
    (checkout / ".venv/.installed").touch()
    assert "'python3': 3.10.12" in make(checkout, "install").stderr
    for version in (last, first):
        done = make(checkout, "install", f"PYTHON=python{version}")
        assert done.returncode == 0, done.stderr
        assert venv_python(checkout) == f"{version}.5"
        calls = (checkout / "calls").read_text()
        make(checkout, "install", f"PYTHON=python{version}")
        make(checkout, "install")  # a usable .venv stays, whatever python3 is
        assert (checkout / "calls").read_text() == calls
    done = make(checkout, "clean", "install", f"PYTHON=python{first}")
    assert done.returncode == 0, done.stderr
    assert venv_python(checkout) == f"{first}.5"


def test_failed_venv_leaves_nothing(checkout):
    broken = checkout / "bin" / f"python{supported_minors()[0]}"
    broken.write_text(broken.read_text().replace('cp "$0" .venv/bin/uv', "exit 1"))
    done = make(checkout, "install", f"PYTHON={broken.name}")
    assert done.returncode == 2
    assert not (checkout / ".venv").exists()


READ_BY_DATASETS = """
import sys, tempfile
for name in [name for name in sys.modules if name.partition(".")[0] == "datamodules"]:
    del sys.modules[name]  # to see what their import reads
from datamodules.published_facts import FOLDER
opened = set()
sys.addaudithook(lambda event, args: event == "open" and opened.add(str(args[0])))
from datamodules.datasets import fma, ismir2004, magnatagatune, million_song, mtg_jamendo
from datamodules.datasets import gtzan, won2020_npy
gtzan.Gtzan(root=tempfile.gettempdir()).build_manifest()
print(*sorted(path.name for path in FOLDER.iterdir() if str(path) not in opened))
"""


def test_every_data_file_is_read_by_a_dataset():
    done = warm_process.call("-c", READ_BY_DATASETS)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "\n"
