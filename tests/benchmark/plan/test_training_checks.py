"""Recipes that a stage cannot use are refused before anything is trained."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmark.config.models import ResolvedModel
from benchmark.config.schema import Preset
from benchmark.plan.training_checks import check_training
from datamodules.common.errors import TagbenchError
from lightning_modules.stages.simclr import SimCLR
from lightning_modules.stages.supervised import Supervised


def check(name: str, processes: int = 1, **recipe: Any) -> None:
    corpus: Any = SimpleNamespace(rows=lambda split: range(1000), pool="unlabelled")
    source = SimpleNamespace(corpus=corpus)
    trainings: Any = SimpleNamespace(sources=lambda stage: dict.fromkeys(stage.cls.sources, source))
    preset = Preset.model_validate({"recipe": {"name": "tiny", "epochs": 2, "lr": 1e-3, **recipe}})
    experiment: Any = SimpleNamespace(presets={"folder": ("tiny", preset)})
    check_training(ResolvedModel.named(name), experiment, "folder", corpus, trainings, processes)


def test_a_plateau_needs_a_validation() -> None:
    check("fcn", schedule="plateau")
    with pytest.raises(
        TagbenchError,
        match=r"clmr_simclr: .* plateau follows valid_loss, but the stage SimCLR has no validation"
        r"\. Set another schedule, .* in the recipe of the preset 'tiny' for the stage SimCLR",
    ):
        check("clmr_simclr", schedule="plateau")


EXPANSION = "music_tagging_transformer_expansion"


@pytest.mark.parametrize(
    ("name", "processes", "batch", "message"),
    [
        (
            "fcn",
            2,
            5,
            r"5 tracks cannot be divided evenly among 2 processes\. .* of 2, or",
        ),
        ("fcn", 3, 2000, r"1000 tracks, limited by the 1000 .* multiple of 3 and at most 1000"),
        (EXPANSION, 1, 5, r"among 2 parts \(stage NoisyStudent\)\. .* to a multiple of 2\.$"),
        (EXPANSION, 2, 6, r"among 2 parts .* times 2 processes\. .* to a multiple of 4, or use"),
    ],
)
def test_a_batch_has_equal_shares(name: str, processes: int, batch: int, message: str) -> None:
    multiple = 4 if name == EXPANSION else processes
    check(name, processes, batch_size=12 * multiple)
    check("tag_prior", processes, batch_size=batch)  # it has no batches
    with pytest.raises(TagbenchError, match=message):
        check(name, processes, batch_size=batch)


def test_the_tracks_that_limit_a_batch_are_those_that_an_epoch_passes_over() -> None:
    def n_tracks(source: str | None) -> int:
        return 600 if source else 1000

    assert Supervised.track_limit({"steps": None}, n_tracks) == 1000
    assert Supervised.track_limit({"steps": 100}, n_tracks) is None
    assert SimCLR.track_limit({"source": None}, n_tracks) == 1000
    assert SimCLR.track_limit({"source": "pool"}, n_tracks) == 600
