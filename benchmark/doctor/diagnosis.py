"""All checks, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from benchmark.doctor.decoders import check_decoders
from benchmark.doctor.devices import check_gpus, check_memory, check_processor, check_torch
from benchmark.doctor.finding import Finding, Places
from benchmark.doctor.folders import check_checkpoints, check_folders
from benchmark.doctor.requirements import check_extras, check_packages, check_python
from benchmark.doctor.wandb import check_wandb


def diagnose(places: Places) -> list[Finding]:
    """Run all checks. An error in one of them is a finding, and the others run."""
    checks: dict[str, Callable[[], Iterable[Finding]]] = {
        "python": check_python,
        "packages": check_packages,
        "torch": check_torch,
        "cpu": check_processor,
        "memory": check_memory,
        "gpu": check_gpus,
        "folders": partial(check_folders, places),
        "audio formats": check_decoders,
        "wandb": check_wandb,
        "extras": check_extras,
        "checkpoints": partial(check_checkpoints, places),
    }
    findings: list[Finding] = []
    for subject, check in checks.items():
        try:
            findings += check()
        except Exception as error:  # of a broken package  # noqa: BLE001
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            remedy = "Solve the problems above first, and run the command again."
            findings.append(Finding(subject, "fail", f"not checked: {reason}", remedy))
    return findings
