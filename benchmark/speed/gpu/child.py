"""A process that runs one section of the measurement and writes a line of JSON for each result.

It is started as ``python -m benchmark.speed.gpu.child SECTION`` before its turn, so that its
imports overlap with the section before it, and waits for a request on standard input. With a
process for each section the parent can stop one that hangs, and a GPU error ends with the process.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.processes import die_with_parent

SECTIONS: Mapping[str, tuple[str, str]] = {
    "settings": ("benchmark.speed.gpu.settings", "settings"),
    "parity": ("benchmark.speed.gpu.models", "parity"),
    "repeatability": ("benchmark.speed.gpu.models", "repeatability"),
    "speed": ("benchmark.speed.gpu.models", "speed"),
    "training": ("benchmark.speed.gpu.pipeline", "training"),
    "sweep": ("benchmark.speed.gpu.pipeline", "sweep"),
}
"""Module and function of each section, in the order in which they run."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Setup:
    """Settings of the measurement.

    Attributes:
        device: ``"cuda:0"`` or ``"cpu"``.
        small: Whether to use the sizes of a trial on a CPU.
        data_root: Folder for the corpus that is rendered for the pipeline sections.
    """

    device: str
    small: bool
    data_root: str


Measure = Callable[[str, Setup], Iterator[Row]]


def main() -> None:
    """Import the section, read the request, and measure its items one after the other."""
    with os.fdopen(os.dup(1), "w", buffering=1) as channel:
        os.dup2(2, 1)  # libraries that print must not write between the lines

        def send(**event: Any) -> None:
            channel.write(json.dumps(event) + "\n")

        try:
            measure = _import(sys.argv[1])
        except ImportError as error:
            sys.stdin.readline()
            send(event="skipped", reason=f"{type(error).__name__}: {error}")
            return
        line = sys.stdin.readline()
        if not line:
            return  # the parent has exited
        die_with_parent(os.getppid())
        request = json.loads(line)
        setup = Setup(**request["setup"])
        for item in request["items"]:
            send(event="start", item=item)
            try:
                for row in measure(item, setup):
                    send(event="row", row=row)
                send(event="done", item=item)
            except Exception as error:  # noqa: BLE001 - an error is reported, and the next item is measured
                traceback.print_exc()
                send(event="failed", item=item, reason=_first_line(error))
                if not _usable(setup.device):
                    return  # the parent starts another process for the remaining items
            _free(setup.device)


def _import(section: str) -> Measure:
    module, function = SECTIONS[section]
    measure: Measure = getattr(importlib.import_module(module), function)
    return measure


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:300]


def _usable(device: str) -> bool:
    """Return whether the device still works; after some CUDA errors it fails in this process."""
    if not device.startswith("cuda"):
        return True
    import torch

    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return False
    return True


def _free(device: str) -> None:
    gc.collect()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
