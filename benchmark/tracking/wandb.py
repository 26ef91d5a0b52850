"""Logging to Weights & Biases, which never replaces the files in the results folder.

The project is ``WANDB_PROJECT`` or ``tagbench``, the group is the id of the run record, and the
entity is never set. The run of a training cell has the id of the cell, so that a resumed cell
continues its own run. Files in ``wandb/logged`` of the results folder hold the digests of written
runs, so that no run is written twice. No login is needed in the modes disabled and offline.
"""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.experiment_files import flat
from benchmark.plan.jobs import Runtime
from benchmark.tracking.run import Run
from datamodules.common.errors import unknown_name

if TYPE_CHECKING:
    import pandas as pd
    from pytorch_lightning.loggers import Logger

MODES = ("auto", "disabled", "offline", "online")

LONGEST_TAG = 64
"""Characters that W&B accepts in a tag."""


def resolve_mode(mode: str) -> str:
    """Return the W&B mode for an option of the command line.

    ``auto`` becomes the mode in ``WANDB_MODE`` if that is set, otherwise online if an API key is
    configured, otherwise offline.

    Raises:
        TagbenchError: ``mode`` is not one of ``MODES``.
    """
    if mode not in MODES:
        raise unknown_name("W&B mode", mode, MODES, "--wandb")
    if mode != "auto":
        return mode
    requested = os.environ.get("WANDB_MODE", "")
    if requested in MODES[1:]:
        return requested
    return "online" if has_key() else "offline"


def has_key() -> bool:
    """Return whether an API key of W&B is configured, in the environment or by ``wandb login``."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def project() -> str:
    """Return the name of the W&B project."""
    return os.environ.get("WANDB_PROJECT") or "tagbench"


def _settings(runtime: Runtime, group: str) -> dict[str, Any]:
    folder = Path(runtime.results) / "wandb"
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "project": runtime.project,
        "group": group,
        "dir": str(folder.parent),
        "mode": runtime.wandb,
        "resume": "allow",
    }


@cache
def load_wandb() -> Any:
    """Import W&B, and remove its temporary folders when this process ends.

    W&B creates them at import and leaves their removal to ``atexit``, which processes of
    ``multiprocessing`` do not run.
    """
    import wandb
    from wandb.sdk.artifacts.artifact import Artifact
    from wandb.sdk.data_types._private import MEDIA_TMP

    for folder in (MEDIA_TMP, getattr(Artifact, "_TMP_DIR", None)):
        if folder is not None:
            Finalize(None, folder.cleanup, exitpriority=1)
    return wandb


def _init(settings: Mapping[str, Any]) -> Any:
    wandb = load_wandb()

    # Console capture would empty the log file, and system statistics do not concern scores.
    return wandb.init(
        **settings, settings=wandb.Settings(silent=True, console="off", x_disable_stats=True)
    )


@contextmanager
def training_logger(
    cell: str, document: Mapping[str, Any], group: str, runtime: Runtime
) -> Iterator[Logger]:
    """Yield Lightning's logger for a training cell.

    Args:
        cell: Id of the cell, which is the id of the run.
        document: Content of its ``cell.json``.
        group: W&B group, the id of the run record.
        runtime: W&B mode and project, and the results folder.
    """
    from pytorch_lightning.loggers import WandbLogger

    run = _init({**_settings(runtime, group), "id": cell, **training_facts(document)})
    try:
        yield WandbLogger(experiment=run)
    finally:
        run.finish()


def training_facts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the name, job type, tags and configuration of the run of a training cell."""
    labels = document["labels"]
    return {
        "name": f"train.{labels['dataset']}.{labels['model']}.s{labels['seed']}",
        "job_type": "train",
        "tags": [labels["dataset"], labels["model"][:LONGEST_TAG], labels["preset"]],
        "config": flat({**document["preimage"], "labels": labels}),
    }


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a frame in which each missing value is None, as W&B expects."""
    objects = frame.astype(object)
    return objects.where(objects.notna(), None)


def write_run(run: Run, group: str, runtime: Runtime) -> None:
    """Create a W&B run, write its content and finish it.

    Args:
        run: Content of the run.
        group: W&B group, the id of the run record.
        runtime: W&B mode and project, and the results folder.
    """
    wandb = load_wandb()

    wandb_run = _init({**_settings(runtime, group), "id": run.id, **run.facts})
    if run.history:
        wandb_run.define_metric("epoch")
        wandb_run.define_metric("*", step_metric="epoch")
    for point in run.history:
        wandb_run.log(dict(point))
    logged: dict[str, Any] = {
        name: wandb.Table(dataframe=_plain(frame)) for name, frame in run.tables.items()
    }
    for name, chart in run.charts.items():
        logged[name] = wandb.plot.line_series(
            xs=[list(xs) for xs, _ in chart.lines.values()],
            ys=[list(ys) for _, ys in chart.lines.values()],
            keys=list(chart.lines),
            title=chart.title,
            xname=chart.axis,
        )
    logged |= {name: wandb.Image(str(path)) for name, path in run.pictures.items()}
    if logged:
        wandb_run.log(logged)
    wandb_run.summary.update(dict(run.summary))
    wandb_run.finish()
