"""Worker processes load the batches of the main process and hold little memory."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader

from tests.support.noise_datamodule import batches_equal, noise_data, set_epoch

# Python 3.12 warns of what DataLoader does by default on Linux.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@pytest.mark.parametrize(("workers", "context"), [(1, "fork"), (2, "fork"), (1, "spawn")])
def test_workers_change_nothing(corpora: Path, workers: int, context: str) -> None:
    data = noise_data(corpora)
    set_epoch(data, 3)
    loaders = [data.train_dataloader(), data.val_dataloader(), data.test_dataloader()]
    if context == "spawn":
        del loaders[1:]  # a worker takes seconds to import torch
    for loader in loaders:
        options: dict[str, Any] = {"batch_size": None, "sampler": loader.sampler}
        if loader.batch_sampler is not None:
            options = {"batch_sampler": loader.batch_sampler}
        other = DataLoader(
            loader.dataset,
            collate_fn=loader.collate_fn,
            num_workers=workers,
            multiprocessing_context=context,
            **options,
        )
        expected, batches = list(loader), list(other)
        assert len(expected) == len(batches) > 0
        assert all(batches_equal(*pair) for pair in zip(expected, batches, strict=True))


def test_workers_of_the_module_change_nothing(corpora: Path) -> None:
    single, parallel = noise_data(corpora), noise_data(corpora, workers=2)
    expected, batches = single.train_dataloader(), parallel.train_dataloader()
    for epoch in range(2):
        set_epoch(single, epoch)
        set_epoch(parallel, epoch)
        assert all(batches_equal(*pair) for pair in zip(expected, batches, strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not fork by default")
def test_workers_are_forked_also_in_a_child_of_a_fork_server(corpora: Path) -> None:
    context: Any = noise_data(corpora, workers=1).train_dataloader().multiprocessing_context
    assert context.get_start_method() == "fork"


def test_workers_receive_no_data_frame(corpora: Path) -> None:
    data = noise_data(corpora)
    loaders = [data.train_dataloader(), data.val_dataloader()]
    assert "frame" not in vars(data.corpus)
    _ = data.corpus.frame, data.corpus.track_ids
    assert not {"frame", "track_ids"} & set(vars(pickle.loads(pickle.dumps(data.corpus))))
    for loader in loaders:
        assert b"pandas" not in pickle.dumps(loader.dataset)
