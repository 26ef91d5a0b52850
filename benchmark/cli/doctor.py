"""The command doctor: checks of the installation and the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import DataRoot, Results
from benchmark.cli.options import console as _console

_STYLES = {"OK": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    results: Results = Path("results"),
    data_root: DataRoot = Path("data"),
    checkpoints: Annotated[
        Path, typer.Option(help="Folder of imported checkpoints.")
    ] = Path("checkpoints"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:  # fmt: skip
    """Check the installation and this machine; the exit code is 1 if benchmarks cannot run."""
    import json
    from dataclasses import asdict

    from rich.text import Text

    from benchmark.doctor.diagnosis import diagnose
    from benchmark.doctor.finding import Places

    findings = diagnose(Places(data_root, results, checkpoints))
    levels: list[str] = [finding.level for finding in findings]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        console = _console()
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            line = Text(f"{finding.level:<4}  ", _STYLES[finding.level])
            line.append(f"{finding.subject:<{width}}  {finding.text}. {finding.remedy}", "default")
            line.rstrip()
            console.print(line)
        console.print(", ".join(f"{levels.count(level)} {level}" for level in _STYLES))
    if "fail" in levels:
        raise typer.Exit(1)
