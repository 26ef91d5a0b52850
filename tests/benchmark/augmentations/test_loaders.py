"""Augmented training batches, loaded by the main process and by workers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmark.augmentations import resolve
from tests.support.noise_datamodule import Noise, noise_data, set_epoch

# Python 3.12 warns of what DataLoader does by default on Linux.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def test_augmented_batches_do_not_depend_on_workers(tmp_path: Path) -> None:
    Noise(root=tmp_path, workers=0).prepare_data()
    chain = resolve(["clmr", "family:time_stretch"])
    batches = []
    for workers in (0, 1, 2):
        data = noise_data(tmp_path, workers=workers)
        set_epoch(data, 1)
        batches.append(list(data.crops(crops=2, augmentation=chain, keep_clean=True)))
    plain = noise_data(tmp_path)
    set_epoch(plain, 1)
    for single, one, two, clean in zip(*batches, plain.crops(crops=2), strict=True):
        assert torch.equal(single["audio"], one["audio"])
        assert torch.equal(single["audio"], two["audio"])
        assert torch.equal(single["clean"], clean["audio"])
        changed = (single["audio"] != clean["audio"]).any(dim=1)
        assert changed.float().mean() > 0.8
        pairs = single["audio"].unflatten(0, (-1, 2))  # two crops of each track
        assert not torch.equal(pairs[:, 0], pairs[:, 1])
