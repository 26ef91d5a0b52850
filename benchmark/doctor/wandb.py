"""Weights & Biases: where runs would go. Nothing is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmark.doctor.finding import Finding
from benchmark.tracking.wandb import has_key, project, resolve_mode


def check_wandb() -> Iterator[Finding]:
    """State the mode of ``--wandb auto`` and whether there is an API key."""
    mode = resolve_mode("auto")
    if mode == "online" and not has_key():
        remedy = "Log in (wandb login), or unset WANDB_MODE."
        yield Finding("wandb", "fail", "WANDB_MODE is online, but there is no API key", remedy)
    elif mode == "online":
        yield Finding("wandb", "OK", f"API key found; runs go to the project {project()}")
    elif os.environ.get("WANDB_MODE") == mode:
        yield Finding("wandb", "OK", f"WANDB_MODE is {mode}")
    else:
        remedy = "To send them: wandb login, and tagbench wandb-sync"
        yield Finding("wandb", "OK", "no API key; runs are written offline", remedy)
