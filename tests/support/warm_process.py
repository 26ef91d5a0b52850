"""Python processes that are forked from the server of jobs, which has imported torch.

A new interpreter spends about ten seconds of CPU time on the import of torch and Lightning. A
process of this module has memory, environment, folder and standard streams of its own as well, and
can be killed. Tests use it for what is not about the start of an interpreter.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from benchmark.run.executors import local
from tests.support.command_line import Finished
from tests.support.paths import ROOT

PACKAGES = ("datamodules", "lightning_modules", "benchmark", "experiments", "tests")


def start(
    *words: str,
    cwd: Path = ROOT,
    packages: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    stdout: Path | None = None,
    stderr: Path | None = None,
) -> ForkServerProcess:
    """Start ``python *words``.

    Args:
        words: ``-c CODE`` or ``-m MODULE``, and its arguments.
        cwd: Folder in which the process runs.
        packages: Folder of the packages of tagbench, imported anew if it is another checkout.
        environment: Environment variables beside those of this process.
        stdout: File for the standard output; None discards it.
        stderr: Likewise for the standard error.
    """
    local.start_server()
    streams = tuple(str(path or os.devnull) for path in (stdout, stderr))
    process = multiprocessing.get_context("forkserver").Process(
        target=_run, args=(words, cwd, packages, {**os.environ, **(environment or {})}, streams)
    )
    process.start()
    return process


def call(
    *words: str,
    cwd: Path = ROOT,
    packages: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run ``python *words``, see `start`, and return its exit code and output."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "stdout"), Path(folder, "stderr")
        process = start(
            *words,
            cwd=cwd, packages=packages, environment=environment, stdout=files[0], stderr=files[1],
        )  # fmt: skip
        process.join()
        texts = [path.read_text("utf-8", errors="replace") for path in files]
    assert process.exitcode is not None
    return Finished(process.exitcode, *texts)


def _run(
    words: tuple[str, ...],
    cwd: Path,
    packages: Path,
    environment: Mapping[str, str],
    streams: tuple[str, str],
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    encoding = environment.get("PYTHONIOENCODING")
    for number, (name, path) in enumerate(zip(("stdout", "stderr"), streams, strict=True), 1):
        with Path(path).open("wb") as stream:
            os.dup2(stream.fileno(), number)
        text = open(number, "w", encoding=encoding, closefd=False)  # noqa: SIM115
        setattr(sys, name, text)
    if packages == ROOT:
        # Its jobs are forked from the same server, rather than from one that it would start.
        forkserver.ensure_running = forkserver._forkserver.ensure_running = lambda: None
    else:
        for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
            del sys.modules[name]
        sys.path.insert(0, str(packages))
    kind, what, *arguments = words
    sys.argv = [what, *arguments]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
