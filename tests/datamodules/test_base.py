"""The contract of `TaggingDataModule`, on a small dataset of noise."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pickle
from pathlib import Path
from typing import Any, Literal

import pytest
import pytorch_lightning as pl
import torch
from ruamel.yaml import YAML

from datamodules.base import Batch, Loading, TaggingDataModule
from datamodules.common.errors import TagbenchError
from tests.support.noise_datamodule import (
    WINDOW,
    LouderNoise,
    Noise,
    batches_equal,
    noise_data,
    set_epoch,
)
from tests.support.paths import ROOT

EXPERIMENTS = ROOT / "experiments" / "datasets"


@pytest.mark.parametrize("file", sorted(EXPERIMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_dataset_states_its_facts(file: Path) -> None:
    content = YAML(typ="safe").load(file)
    module, _, name = content["class"].rpartition(".")
    leaf = getattr(importlib.import_module(module), name)
    assert issubclass(leaf, TaggingDataModule)
    assert leaf.__doc__
    assert leaf.name == leaf.name.lower() != ""
    assert leaf.sample_rate >= 8000
    assert leaf.licence
    assert leaf.access
    parameters = set(inspect.signature(leaf.__init__).parameters) - {"self", "loading"}
    assert set(content.get("params", {})) <= parameters | {"corpus_rate"}
    assert not parameters & set(Loading.__annotations__)


def test_loading_leaves_the_global_generators_unchanged(corpora: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    data = noise_data(corpora)
    list(data.train_dataloader())
    list(data.val_dataloader())
    assert torch.equal(torch.rand(3), expected)


# Hints of Lightning 2.6 to people at a keyboard, and its use of what torch deprecates.
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:GPU available but not used")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning")
def test_lightning_supplies_the_epoch(corpora: Path) -> None:
    batches: list[list[str]] = []

    class RecordingModule(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def training_step(self, batch: Batch, _: int) -> torch.Tensor:
            digest = hashlib.sha256(batch["audio"].numpy().tobytes()).hexdigest()
            batches.append([digest, *batch["track_ids"]])
            return self.weight.sum()

        def validation_step(self, batch: Batch, _: int) -> None:
            assert len(batch["track_index"]) == len(batch["audio"])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    data = Noise(root=corpora, window=WINDOW, batch_size=12)
    trainer = pl.Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(RecordingModule(), datamodule=data)
    expected = []
    other = noise_data(corpora, batch_size=12)
    for epoch in range(3):
        set_epoch(other, epoch)
        (batch,) = other.train_dataloader()
        digest = hashlib.sha256(batch["audio"].numpy().tobytes()).hexdigest()
        expected.append([digest, *batch["track_ids"]])
    assert batches == expected


def test_identity_is_what_a_leaf_declares() -> None:
    assert Noise(root="a", window=5, seed=3).identity() == {"count": 24, "seconds": 0.3}
    assert LouderNoise(root="a").identity() == {"count": 24, "gain": 2.0, "seconds": 0.3}
    keys = {
        data.params_key
        for data in (
            Noise(root="a"),
            Noise(root="b", seed=9, workers=3, window=7),
            Noise(root="a", count=25),
            LouderNoise(root="a"),
            LouderNoise(root="a", gain=3.0),
        )
    }
    assert len(keys) == 4
    data = Noise(root="a")
    assert data.corpus_root == Path("a") / f"noise-{data.params_key}"


def test_another_sample_rate_is_another_corpus() -> None:
    class HighRate(Noise):
        sample_rate = 24000

    assert (
        Noise(root="a").params_key
        == hashlib.sha256(b'{"params":{"count":24,"seconds":0.3},"revision":1}').hexdigest()[:12]
    )
    assert HighRate(root="a").corpus_root != Noise(root="a").corpus_root


def test_choices_are_those_of_the_signature() -> None:
    class Choosy(Noise):
        def __init__(self, *, tag_set: Literal["few", "all"] = "few", **rest: Any) -> None:
            super().__init__(**rest)
            self.check_choices(tag_set=tag_set)
            self.tag_set = tag_set

    assert Choosy(root="a", tag_set="all").tag_set == "all"
    with pytest.raises(TagbenchError, match=r"Unknown tag set 'alll' in noise: tag_set.*'all'"):
        Choosy(root="a", tag_set="alll")  # type: ignore[arg-type]


def test_modules_can_be_sent_to_other_processes(corpora: Path) -> None:
    data = noise_data(corpora)
    copy = pickle.loads(pickle.dumps(data))
    assert all(
        batches_equal(*p) for p in zip(data.test_dataloader(), copy.test_dataloader(), strict=True)
    )


def test_mistakes_are_explained(tmp_path: Path, corpora: Path) -> None:
    with pytest.raises(TagbenchError, match=r"No prepared corpus .* Run `tagbench prepare`"):
        Noise(root=tmp_path).setup("fit")
    for wrong in ({"window": 0}, {"batch_size": 0}, {"workers": -1}, {"valid_windows": 0}):
        name = next(iter(wrong))
        with pytest.raises(TagbenchError, match=f"{name} must be at least"):
            Noise(root=tmp_path, **wrong)
    few = Noise(root=tmp_path, count=2, window=WINDOW)
    few.prepare_data()
    with pytest.raises(TagbenchError, match=r"has no test track\. .*rejected\.csv"):
        few.test_dataloader()
    with pytest.raises(TypeError, match="abstract"):
        TaggingDataModule(root=corpora)  # type: ignore[abstract]
