"""Whether devices and batches can be divided among the processes that train a cell together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark.run.executors import Executor
from benchmark.run.options import Options, Planned
from benchmark.store.cell_kinds import TrainCell
from benchmark.store.plans import Plan
from benchmark.train.model import is_gradient_stage
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus

_OPTION = "--devices-per-cell"


def devices_of(options: Options, executor: Executor) -> tuple[str, ...]:
    """Return the devices of a run, checked by `check_devices`."""
    devices = options.devices or executor.available_devices()
    check_devices(options, devices)
    return devices


def check_devices(options: Options, devices: Sequence[str]) -> None:
    """Check that the devices of a run can be divided among its trainings.

    Args:
        options: Options of the run.
        devices: Its devices.

    Raises:
        TagbenchError: They cannot.
    """
    wanted = options.devices_per_cell
    if wanted == 1:
        return
    if options.executor != "local":
        raise TagbenchError(
            f"{_OPTION} {wanted} needs --executor local: with {options.executor}, each training "
            "runs on one device."
        )
    gpus = [device for device in devices if device.startswith("cuda")]
    if gpus and len(devices) % wanted:
        raise TagbenchError(
            f"{_OPTION} {wanted} does not divide the {len(devices)} devices of this run "
            f"({', '.join(devices)}). Set it to {_divisors(len(devices))}, or name other devices "
            "with --devices."
        )


def check_batches(planned: Iterable[Planned], processes: int) -> None:
    """Check the trainings of every dataset of a run; see `check_batch_sizes`."""
    for item in planned:
        check_batch_sizes(item.plan, item.corpus, processes)


def check_batch_sizes(plan: Plan, corpus: Corpus, processes: int) -> None:
    """Check that the batches of trainings can be divided evenly among processes.

    Args:
        plan: Plan of one dataset.
        corpus: Its corpus.
        processes: Number of processes that train a cell together.

    Raises:
        TagbenchError: The batches of a cell cannot.
    """
    tracks = len(corpus.rows("train"))
    for cell in (*plan.parents, *plan.training):
        if not isinstance(cell, TrainCell) or not is_gradient_stage(cell.to_json()):
            continue
        size = cell.identity.recipe["batch_size"]
        if min(size, tracks) % processes:
            why = f", limited by the {tracks} training tracks," if tracks < size else ""
            raise TagbenchError(
                f"{cell.title}: its batch of {min(size, tracks)} tracks{why} cannot be divided "
                f"evenly among {processes} processes. Set batch_size in the recipe of "
                f"{cell.labels.preset!r} to a multiple of {processes}, or use another {_OPTION}."
            )


def _divisors(count: int) -> str:
    return ", ".join(str(n) for n in range(1, count + 1) if count % n == 0)
