"""TensorBoard: event files below ``results/<dataset>/tensorboard``, without an account.

One folder a run, with the name of the W&B run. Names of scalars are those of W&B. Scores of a model
are scalars at step 0; its degradation curves have the severity as the step, so that TensorBoard
draws the models in one chart.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.plan.jobs import Runtime
from benchmark.report.labels import file_part
from benchmark.store.results import DatasetResults
from benchmark.tracking.run import Run
from benchmark.tracking.trackers.base import Tracker
from benchmark.tracking.wandb import training_facts
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    import pandas as pd
    from pytorch_lightning.loggers import Logger

FOLDER = "tensorboard"
ROWS = 200
"""Most rows of a table that is shown as text."""


class TensorBoardTracker(Tracker):
    """Event files that ``tensorboard --logdir`` shows."""

    name = "tensorboard"
    title = "TensorBoard"
    off = "Leave out --tracker tensorboard to log nothing there."

    def enabled(self, runtime: Runtime) -> bool:
        """Return whether ``--tracker`` names it."""
        return self.name in runtime.trackers

    def check(self) -> None:
        """Raise an error if the writer of event files is missing.

        Raises:
            TagbenchError: ``tensorboardX`` is not installed.
        """
        if find_spec("tensorboardX") is None:
            raise TagbenchError(
                "The tracker tensorboard needs tensorboardX, which is not installed: "
                'pip install "tagbench[dashboards]"'
            )

    @contextmanager
    def training_logger(
        self, cell: str, document: Mapping[str, Any], results: DatasetResults, runtime: Runtime
    ) -> Iterator[Logger]:
        """Yield the logger of the folder of the cell; a resumed training adds a file to it."""
        from pytorch_lightning.loggers import TensorBoardLogger

        run = Run(cell, training_facts(document))
        folder = self.folder(run, results)
        logger = TensorBoardLogger(
            folder.parent, name="", version=folder.name, default_hp_metric=False
        )
        try:
            yield logger
        finally:
            logger.experiment.close()

    def write_run(self, run: Run, results: DatasetResults, runtime: Runtime) -> None:
        """Write the event file of a run in place of those of an earlier one."""
        from tensorboardX import SummaryWriter

        folder = self.folder(run, results)
        shutil.rmtree(folder, ignore_errors=True)
        writer = SummaryWriter(str(folder))
        try:
            _write(run, writer)
        finally:
            writer.close()

    def logged(self, results: DatasetResults) -> Path:
        """Return the folder ``logged`` beside the runs."""
        return results.folder / FOLDER / "logged"

    def folder(self, run: Run, results: DatasetResults) -> Path:
        """Return the folder of a run; that of a training has the id of its cell too."""
        name = file_part(run.facts["name"])
        own = f"{name}.{run.id}" if run.facts["job_type"] == "train" else name
        return results.folder / FOLDER / own


def _write(run: Run, writer: Any) -> None:
    writer.add_text("config", f"```\n{json.dumps(run.facts['config'], indent=1, default=str)}\n```")
    for point in run.history:
        for name, value in point.items():
            if name != "trainer/global_step":
                # Lightning logs an epoch under the number of its last step, counted from 0.
                writer.add_scalar(name, value, int(point["trainer/global_step"]) - 1)
    for name, value in run.summary.items():
        if isinstance(value, int | float):
            # The final value of a curve gets a name of its own, as it is of the best epoch.
            curve = any(name in point for point in run.history)
            writer.add_scalar(f"best/{name}" if curve else name, value, 0)
    for name, chart in run.charts.items():
        if len(chart.lines) == 1:  # the lines of several models stand in the runs of the models
            ((xs, ys),) = chart.lines.values()
            for x, y in zip(xs, ys, strict=True):
                writer.add_scalar(name, y, int(x))
    for name, frame in run.tables.items():
        if len(frame) <= ROWS:
            writer.add_text(name, _markdown(frame))
    for name, path in run.pictures.items():
        writer.add_image(name, _pixels(path), dataformats="HWC")


def _markdown(frame: pd.DataFrame) -> str:
    """Return a frame as a Markdown table."""
    rows = frame.astype(object).where(frame.notna(), "").astype(str)
    lines = [list(map(str, frame.columns)), ["---"] * len(frame.columns), *rows.to_numpy().tolist()]
    return "\n".join(
        "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines
    )


def _pixels(path: Path) -> Any:
    """Return a picture as an array, shape (height, width, 3), dtype uint8."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


TRACKER = TensorBoardTracker()
