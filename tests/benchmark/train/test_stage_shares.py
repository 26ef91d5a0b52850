"""In every stage, two processes see together the crops that one process sees, step by step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.train.data import CellData
from lightning_modules.base import TaggingModule
from lightning_modules.stages.base import GradientStage
from lightning_modules.stages.noisy_student import NoisyStudent
from lightning_modules.stages.supervised import Supervised
from tests.support.noise_datamodule import Noise, noise_data
from tests.support.small_module import SmallModule


def small_model() -> TaggingModule:
    return SmallModule.build(0, n_tags=3)


STAGES: dict[str, Callable[[], GradientStage]] = {
    "supervised": lambda: Supervised(parents={}),
    "noisy student": lambda: NoisyStudent(unlabelled="pool", parents={"teacher": small_model()}),
}


def steps(stage: GradientStage, root: Path, rank: int, world: int) -> dict[str, list[list[object]]]:
    """Return the (track, audio) of each step, by the name of the loader."""
    modules = [noise_data(root, rank=rank, world=world) for _ in range(2)]
    data = CellData(modules[0], {"unlabelled": modules[1]}, {})
    read = {}
    for name, loader in stage.loaders(data).items():
        read[name] = [
            [
                (batch["track_ids"][track], tuple(audio[:50].tolist()))
                for track, audio in zip(batch["track_index"], batch["audio"], strict=True)
            ]
            for batch in loader
        ]
    return read


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds the prepared corpus of `Noise`."""
    folder = tmp_path_factory.mktemp("corpora")
    Noise(root=folder).prepare_data()
    return folder


@pytest.mark.parametrize("name", STAGES)
def test_two_processes_see_the_crops_of_one(name: str, corpora: Path) -> None:
    stage = STAGES[name]()
    whole = steps(stage, corpora, 0, 1)
    shares = [steps(stage, corpora, rank, 2) for rank in (0, 1)]
    assert whole.keys() == shares[0].keys() == shares[1].keys()
    for loader, batches in whole.items():
        assert len(batches) > 1
        for step, batch in enumerate(batches):
            ours = [share[loader][step] for share in shares]
            assert len(ours[0]) == len(ours[1])
            assert sorted(map(str, batch)) == sorted(map(str, ours[0] + ours[1]))
