"""The command line in this process, as ``tagbench`` runs it in one of its own."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from benchmark.cli import main
from benchmark.store.tables import Tables


@dataclass(frozen=True)
class Finished:
    """What a command returned and printed."""

    returncode: int
    stdout: str
    stderr: str


def _blank_report(tables: Tables, folder: Path, *rest: object) -> Path:
    page = folder / "report" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.touch()
    return page


def call(*arguments: str, report: bool = True) -> Finished:
    """Run a command; torch and the job server are then loaded once for all tests of a process.

    Args:
        arguments: Words of the command line.
        report: Whether to render the report. Its figures take half of the time of a small sweep,
            which a test that compares CSVs can save.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    out, err = io.StringIO(), io.StringIO()
    code = 0
    blank = mock.patch("benchmark.report.html.write_report", _blank_report)
    with (
        contextlib.nullcontext() if report else blank,
        mock.patch.dict(os.environ, {**kept, "COLUMNS": "200"}, clear=True),
        mock.patch.object(sys, "argv", ["tagbench", *arguments]),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        warnings.simplefilter("default")
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    return Finished(code, out.getvalue(), err.getvalue())
