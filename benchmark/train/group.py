"""The processes that train one cell together, and how Lightning joins them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.plugins.environments import ClusterEnvironment  # type: ignore[attr-defined]
from pytorch_lightning.plugins.layer_sync import TorchSyncBatchNorm
from pytorch_lightning.strategies import DDPStrategy
from torch import distributed, nn
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from lightning_modules.layers.norms.sync_batchnorm import synchronise

HOST = "127.0.0.1"
TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the others, for example while one of them writes a checkpoint."""


@dataclass(frozen=True)
class Member:
    """One of the processes that train a cell together.

    Attributes:
        devices: Devices of all of them.
        rank: Number of this process; 0 is the one that writes the results.
    """

    devices: tuple[str, ...]
    rank: int = 0

    @property
    def world(self) -> int:
        """Number of the processes."""
        return len(self.devices)

    @property
    def device(self) -> str:
        """The device of this process."""
        return self.devices[self.rank]

    @property
    def on_gpu(self) -> bool:
        """Whether the processes use GPUs."""
        return self.device.startswith("cuda")

    def trainer_options(self, *, sync_batchnorm: bool) -> dict[str, Any]:
        """Return the arguments of Lightning's ``Trainer`` that state where it runs.

        Args:
            sync_batchnorm: Whether batch norm uses the statistics of all processes.
        """
        indices = [int(device.split(":")[1]) for device in self.devices if ":" in device]
        options: dict[str, Any] = {
            "accelerator": "gpu" if self.on_gpu else "cpu",
            "devices": indices or self.world,
            "plugins": [],
        }
        if self.world == 1:
            return options
        strategy = EvenlyShared(
            cluster_environment=StartedProcesses(self),
            # A stage may leave layers unused, such as the classifier in a pre-training.
            find_unused_parameters=True,
        )
        plugins = [SyncNorms(on_gpu=self.on_gpu)] if sync_batchnorm else []
        return options | {"strategy": strategy, "plugins": plugins}

    def join(self, store: TCPStore) -> None:
        """Join the process group of the training.

        Args:
            store: Store through which the processes find each other.
        """
        distributed.init_process_group(
            "nccl" if self.on_gpu else "gloo",
            store=store,
            rank=self.rank,
            world_size=self.world,
            timeout=TIMEOUT,
            device_id=torch.device(self.device) if self.on_gpu else None,
        )

    def leave(self, *, failed: bool = False) -> None:
        """Leave the process group.

        Args:
            failed: Whether another process may have ended, for which NCCL would wait.
        """
        if distributed.is_initialized() and not (failed and self.on_gpu):
            distributed.destroy_process_group()


class StartedProcesses(ClusterEnvironment):
    """Tells Lightning that all processes are running and have joined their group.

    Args:
        member: This process.
    """

    def __init__(self, member: Member) -> None:
        super().__init__()
        self._member = member

    @property
    def creates_processes_externally(self) -> bool:
        """Whether Lightning must not start processes: always."""
        return True

    @property
    def main_address(self) -> str:
        """Address of the process of rank 0."""
        return HOST

    @property
    def main_port(self) -> int:
        """No port: the group is joined before Lightning could do it."""
        return 0

    @staticmethod
    def detect() -> bool:
        """Return False: Lightning never chooses this environment by itself."""
        return False

    def world_size(self) -> int:
        """Return the number of processes."""
        return self._member.world

    def set_world_size(self, size: int) -> None:
        """Do nothing: the number is fixed."""

    def global_rank(self) -> int:
        """Return the number of this process."""
        return self._member.rank

    def set_global_rank(self, rank: int) -> None:
        """Do nothing: the number is fixed."""

    def local_rank(self) -> int:
        """Return the number of this process; there is one machine."""
        return self._member.rank

    def node_rank(self) -> int:
        """Return 0: there is one machine."""
        return 0


class EvenlyShared(DDPStrategy):
    """DDP whose processes may have different numbers of validation batches."""

    def on_validation_start(self) -> None:
        """Copy the buffers of rank 0, such as running means, to all processes."""
        super().on_validation_start()
        for buffer in self._tagger.buffers():
            distributed.broadcast(buffer, 0)

    def validation_step(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model itself: DDP would exchange buffers in each batch, and wait for a match."""
        with self.precision_plugin.val_step_context():
            return self._tagger.validation_step(*args, **kwargs)

    @property
    def _tagger(self) -> LightningModule:
        """The model without the wrapper of DDP."""
        return cast(LightningModule, self.lightning_module)


class SyncNorms(TorchSyncBatchNorm):
    """Synchronise batch norm during a training, on a CPU too.

    Args:
        on_gpu: Whether the model is trained on GPUs.
    """

    def __init__(self, *, on_gpu: bool) -> None:
        self.on_gpu = on_gpu

    def apply(self, model: nn.Module) -> nn.Module:
        """Replace the batch norm layers of a model."""
        if self.on_gpu:
            return super().apply(model)
        synchronise(model)
        return model
