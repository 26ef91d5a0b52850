"""Run the sections one after the other, each within its share of the time limit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from benchmark.config.models import network_names
from benchmark.config.schema import ModelFile
from benchmark.experiment_files import find, load
from benchmark.speed.gpu.child import SECTIONS, Setup
from benchmark.speed.gpu.process import Child
from benchmark.speed.gpu.tables import Results
from datamodules.common.errors import TagbenchError, unknown_name

# Seconds of a run of twelve minutes. Time that a section does not use goes to those after it.
_SHARES: Mapping[str, float] = {
    "settings": 30,
    "parity": 170,
    "repeatability": 120,
    "speed": 240,
    "training": 60,
    "sweep": 100,
}
_CLOSING_S = 5.0  # reserved for ending processes and writing
_LEAST_ITEM_S = 30.0
_LATE = "stopped at the time limit"
_ITEM_SHARE = 4.0  # limit of an item, in equal shares of the time left in its section


@dataclass(frozen=True)
class Options:
    """Selection of the measurements.

    Attributes:
        device: ``"cuda:0"`` or ``"cpu"``; the CPU takes small sizes.
        minutes: Time limit of all sections together.
        out: Folder of the tables.
        models: Names of model files; all if empty.
        sections: Names of sections; all if empty.
    """

    device: str
    minutes: float
    out: Path
    models: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()


def check(options: Options) -> None:
    """Check names and device before anything is started.

    Args:
        options: Selection of the measurements.

    Raises:
        TagbenchError: A name is unknown, or PyTorch finds no such device.
    """
    for name in options.sections:
        if name not in SECTIONS:
            raise unknown_name("section", name, SECTIONS, "--sections")
    for name in options.models:
        find("models", name)
    if options.device == "cpu":
        return
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if options.device not in {f"cuda:{index}" for index in range(count)}:
        raise TagbenchError(
            f"Device {options.device}: PyTorch {torch.__version__} finds {count} CUDA devices. Run "
            "this on a machine with an NVIDIA GPU, or try it at small sizes with --device cpu."
        )


def measure(options: Options, announce: Callable[[str], None]) -> Results:
    """Run the sections within the time limit, and write the files after each result.

    Args:
        options: Selection of the measurements.
        announce: Receives a line of progress.

    Returns:
        The rows, and the items that failed or were skipped.
    """
    end = time.monotonic() + 60 * options.minutes - _CLOSING_S
    options.out.mkdir(parents=True, exist_ok=True)
    results = Results(options.out, announce)
    sections = [name for name in SECTIONS if not options.sections or name in options.sections]
    items = _items(options.models)
    with (
        tempfile.TemporaryDirectory() as scratch,
        (options.out / "gpu.log").open("w", encoding="utf-8") as log,
    ):
        setup = Setup(options.device, options.device == "cpu", scratch)
        following: Child | None = Child(sections[0], log)
        try:
            for number, section in enumerate(sections):
                weights = [_SHARES[name] for name in sections[number:]]
                now = time.monotonic()
                deadline = now + (end - now) * weights[0] / sum(weights)
                child = following or Child(section, log)
                following = Child(sections[number + 1], log) if len(weights) > 1 else None
                results.start(section, deadline - now)
                _Section(section, setup, log, results).run(child, items[section], deadline)
        finally:
            if following is not None:
                following.end(patience_s=0)
    return results


def _items(wanted: Sequence[str]) -> dict[str, list[str]]:
    """Return the items of each section: model files, or one for each architecture."""
    models = list(wanted or network_names())
    classes: dict[str, str] = {}
    for name in models:
        classes.setdefault(load(find("models", name), ModelFile).class_path, name)
    first = list(classes.values())
    every = first + [name for name in models if name not in first]
    return {
        "settings": ["settings"],
        "parity": every,
        "repeatability": every,
        "speed": first,
        "training": [name for name in ("musicnn", "sample_cnn") if name in models] or first[:1],
        "sweep": ["sweep"],
    }


@dataclass
class _Section:
    """One section of the measurement: its process, replaced when it dies or hangs."""

    name: str
    setup: Setup
    log: IO[str]
    results: Results
    limit: float = 0.0

    def run(self, child: Child, items: Sequence[str], deadline: float) -> None:
        """Measure items until the deadline, and report those that are not measured as skipped."""
        left = list(items)
        while True:
            try:
                self._serve(child, left, deadline)
            finally:
                child.end()
            if not left or time.monotonic() > deadline:
                break
            child = Child(self.name, self.log)
        for item in left:
            self.results.fail(self.name, item, "skipped", "no time was left in this section")

    def _serve(self, child: Child, left: list[str], deadline: float) -> None:
        """Send a process the remaining items, and remove those that it finishes."""
        current, self.limit = "", deadline
        child.send({"setup": asdict(self.setup), "items": left})
        try:
            for event in child.events(lambda: self.limit):
                kind = event["event"]
                if kind == "row":
                    self.results.add(self.name, event["row"])
                elif kind == "failed":
                    self.results.fail(self.name, event["item"], "failed", event["reason"])
                    left.remove(event["item"])
                elif kind == "start":
                    current, now = event["item"], time.monotonic()
                    share = _ITEM_SHARE * (deadline - now) / len(left)
                    self.limit = min(deadline, now + max(_LEAST_ITEM_S, share))
                elif kind == "done":
                    left.remove(event["item"])
                elif kind == "skipped":
                    for item in left:
                        self.results.fail(self.name, item, "skipped", event["reason"])
                    left.clear()
        except TimeoutError:
            child.end(patience_s=0)
            reason = _LATE
        else:
            reason = f"the process ended with status {child.end()}"
        if current in left:
            self.results.fail(self.name, current, "failed", reason)
            left.remove(current)
        elif not current and left and reason != _LATE:
            self.results.fail(self.name, "", "failed", f"no measurement was started: {reason}")
            left.clear()
