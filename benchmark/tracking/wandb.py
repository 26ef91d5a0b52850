"""Weights & Biases as a sink: local files stay the truth, and no login is needed.

Project from ``WANDB_PROJECT`` or ``tagbench``; the entity is never set; the group is the sweep; the
run id is the cell's id, so that a resumed cell goes on in its own run. ``wandb/logged`` in the
results folder remembers which runs were written, so that nothing is written twice.
"""

from __future__ import annotations

import hashlib
import netrc
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.files import flat
from benchmark.plan.jobs import Runtime
from benchmark.store import run_record as sweeps
from benchmark.store.files import file_sha256
from benchmark.store.store import Store
from datamodules.common.errors import unknown_name
from datamodules.common.filesystem import replace_file

if TYPE_CHECKING:
    import pandas as pd
    from pytorch_lightning.loggers import Logger

MODES = ("auto", "disabled", "offline", "online")


def resolve_mode(mode: str) -> str:
    """Return the mode to use: ``auto`` is online where a key is found, else offline.

    Raises:
        TagbenchError: The mode does not exist.
    """
    if mode not in MODES:
        raise unknown_name("W&B mode", mode, MODES, "--wandb")
    if mode != "auto":
        return mode
    wanted = os.environ.get("WANDB_MODE", "")
    if wanted in MODES[1:]:
        return wanted
    return "online" if _has_key() else "offline"


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def project() -> str:
    """Return the W&B project."""
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


def is_logged(results: Path, run_id: str, content: str) -> bool:
    """Tell whether a run was written with this content, be it online or not."""
    path = _mark(results, run_id)
    return path.is_file() and path.read_text(encoding="utf-8") == content


def mark_logged(results: Path, run_id: str, content: str) -> None:
    """Remember what a run that was written to its end held."""
    path = _mark(results, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content.encode())


def _mark(results: Path, run_id: str) -> Path:
    return results / "wandb" / "logged" / run_id


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


def _quiet(settings: Mapping[str, Any]) -> Any:
    wandb = load_wandb()

    # Console capture would swallow the log file; system statistics say nothing about a score.
    return wandb.init(
        **settings, settings=wandb.Settings(silent=True, console="off", x_disable_stats=True)
    )


@contextmanager
def training_logger(
    cell: str, document: Mapping[str, Any], runtime: Runtime
) -> Iterator[Logger | bool]:
    """Yield Lightning's logger for a training cell; False when W&B is disabled."""
    if runtime.wandb == "disabled":
        yield False
        return
    from pytorch_lightning.loggers import WandbLogger

    results = Path(runtime.results)
    group = sweeps.load(document["labels"]["dataset"], Store(results)).id
    run = _quiet({**_settings(runtime, group), "id": cell, **training_facts(document)})
    try:
        yield WandbLogger(experiment=run)
    finally:
        run.finish()
    mark_logged(results, cell, cell)


def training_facts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return name, job type, tags and configuration of the run of a training cell."""
    labels = document["labels"]
    return {
        "name": f"train.{labels['dataset']}.{labels['model']}.s{labels['seed']}",
        "job_type": "train",
        "tags": [labels["dataset"], labels["model"], labels["preset"]],
        "config": flat({**document["preimage"], "labels": labels}),
    }


@dataclass(frozen=True)
class Chart:
    """Lines over one axis.

    Attributes:
        title: What stands above.
        axis: What the axis is.
        lines: Points ``(xs, ys)`` by the name of the line.
    """

    title: str
    axis: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True)
class Run:
    """A run that is written at once, from files.

    Attributes:
        id: Deterministic id.
        facts: ``name``, ``job_type``, ``tags`` and ``config``.
        summary: Final numbers.
        tables: Frames by name.
        charts: Lines by name.
        pictures: PNG files by name.
        history: Points of curves, in order; each has ``epoch``.
    """

    id: str
    facts: Mapping[str, Any]
    summary: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    charts: Mapping[str, Chart] = field(default_factory=dict)
    pictures: Mapping[str, Path] = field(default_factory=dict)
    history: Sequence[Mapping[str, float]] = ()

    def digest(self) -> str:
        """Return the sha256 of everything the run holds."""
        content = [
            repr((self.id, self.facts, self.summary, self.charts, self.history)),
            *(f"{name} {frame.to_csv(index=False)}" for name, frame in self.tables.items()),
            *(f"{name} {file_sha256(path)}" for name, path in self.pictures.items()),
        ]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame that W&B can type: a missing value is None, whatever the column."""
    objects = frame.astype(object)
    return objects.where(objects.notna(), None)


def write_run(run: Run, group: str, runtime: Runtime) -> None:
    """Write a run from its start to its end.

    Args:
        run: What it holds.
        group: The sweep.
        runtime: Mode, project and results folder.
    """
    wandb = load_wandb()

    found = _quiet({**_settings(runtime, group), "id": run.id, **run.facts})
    if run.history:
        found.define_metric("epoch")
        found.define_metric("*", step_metric="epoch")
    for point in run.history:
        found.log(dict(point))
    shown: dict[str, Any] = {
        name: wandb.Table(dataframe=_plain(frame)) for name, frame in run.tables.items()
    }
    for name, chart in run.charts.items():
        shown[name] = wandb.plot.line_series(
            xs=[list(xs) for xs, _ in chart.lines.values()],
            ys=[list(ys) for _, ys in chart.lines.values()],
            keys=list(chart.lines),
            title=chart.title,
            xname=chart.axis,
        )
    shown |= {name: wandb.Image(str(path)) for name, path in run.pictures.items()}
    if shown:
        found.log(shown)
    found.summary.update(dict(run.summary))
    found.finish()
