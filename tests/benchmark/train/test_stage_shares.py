"""In every stage, the crops are the same for any number of processes that train or load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.augmentations.catalogue import resolve
from benchmark.train.data import CellData
from datamodules.base import Batch
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import GradientStage
from lightning_modules.stages.fine_tune import FineTune
from lightning_modules.stages.linear_probe import LinearProbe
from lightning_modules.stages.noisy_student import NoisyStudent
from lightning_modules.stages.simclr import SimCLR
from lightning_modules.stages.supervised import Supervised
from lightning_modules.stages.triplet import Triplet
from tests.support.noise_datamodule import Noise, noise_data
from tests.support.small_module import SmallModule


def small_model() -> TaggingModule:
    return SmallModule.build(0, n_tags=3)


def probe(corpora: Path) -> LinearProbe:
    """Return a probe whose embeddings are numbers of crops and windows, two of each track."""
    corpus = noise_data(corpora).corpus
    train, valid = (len(corpus.rows(split)) for split in ("train", "valid"))
    stage = LinearProbe(crops=2, parents={"encoder": small_model()})
    stage.arrays = {
        "train": np.arange(2 * train, dtype=np.float32).reshape(train, 2, 1),
        "valid": np.arange(2 * valid, dtype=np.float32)[:, None],
        "valid_track": np.repeat(np.arange(valid), 2),
    }
    return stage


def triplets(corpora: Path) -> Triplet:
    """Return a stage that draws for two of three tags."""
    stage = Triplet(parents={})
    stage.anchors, stage.draws = (0, 2), 30
    return stage


STAGES: dict[str, Callable[[Path], GradientStage]] = {
    "supervised": lambda _: Supervised(parents={}),
    "fine-tuning": lambda _: FineTune(parents={"pretrained": small_model()}),
    "noisy student": lambda _: NoisyStudent(unlabelled="pool", parents={"teacher": small_model()}),
    "contrast": lambda _: SimCLR(source="pool", augment=None, parents={}),
    "linear probe": probe,
    "triplets": triplets,
}


def cell_data(root: Path, rank: int, world: int, workers: int = 0) -> CellData:
    labelled, pool = (noise_data(root, rank=rank, world=world, workers=workers) for _ in range(2))
    return CellData(labelled, {"unlabelled": pool, "source": pool}, {})


def rows(batch: Batch) -> list[str]:
    """Return the track and the input of each window."""
    inputs = batch["embeddings"] if "embeddings" in batch else batch["audio"]
    ids = [batch["track_ids"][track] for track in batch["track_index"]]
    return [f"{track} {x[:50].tolist()}" for track, x in zip(ids, inputs, strict=True)]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds the prepared corpus of `Noise`."""
    folder = tmp_path_factory.mktemp("corpora")
    Noise(root=folder).prepare_data()
    return folder


@pytest.mark.parametrize("name", STAGES)
def test_two_processes_see_the_crops_of_one(name: str, corpora: Path) -> None:
    stage = STAGES[name](corpora)
    whole = stage.loaders(cell_data(corpora, 0, 1))
    shares = [stage.loaders(cell_data(corpora, rank, 2)) for rank in (0, 1)]
    assert whole.keys() == shares[0].keys() == shares[1].keys()
    for loader, batches in whole.items():
        steps = list(zip(batches, shares[0][loader], shares[1][loader], strict=True))
        assert len(steps) > 1
        for batch, first, second in steps:
            assert len(rows(first)) == len(rows(second))
            assert sorted(rows(batch)) == sorted(rows(first) + rows(second))


@pytest.mark.parametrize("name", STAGES)
def test_loading_processes_change_nothing(name: str, corpora: Path) -> None:
    stage = STAGES[name](corpora)
    augmentations = {"augment": resolve(["clmr", {"family": "pitch_shift", "p": 0.3}])}
    read = []
    for workers in (0, 1, 2):
        data = cell_data(corpora, 0, 1, workers)
        data.augmentations = augmentations
        loaders = stage.loaders(data)
        read.append({loader: [rows(batch) for batch in loaders[loader]] for loader in loaders})
    assert read[0] == read[1] == read[2]


@pytest.mark.parametrize("name", ["supervised", "linear probe"])
def test_each_validation_track_has_one_process(name: str, corpora: Path) -> None:
    stage = STAGES[name](corpora)
    world = 7  # more than there are batches: each process has one, if only an empty one
    loaders = [stage.valid_loader(cell_data(corpora, rank, world)) for rank in range(world)]
    batches = [list(loader) for loader in loaders if loader is not None]
    assert len(batches) == world
    assert min(map(len, batches)) == 1
    assert any(not rows(share[0]) for share in batches)
    whole = stage.valid_loader(cell_data(corpora, 0, 1)) or ()
    assert sorted(row for share in batches for batch in share for row in rows(batch)) == sorted(
        row for batch in whole for row in rows(batch)
    )
