"""Whether devices can be divided among the trainings of a run."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.run.executors import Executor
from benchmark.run.options import Options
from datamodules.common.errors import TagbenchError

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


def _divisors(count: int) -> str:
    return ", ".join(str(n) for n in range(1, count + 1) if count % n == 0)
