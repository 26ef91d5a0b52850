"""The contract of `TaggingDataModule`, on a small dataset of noise."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pickle
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, Unpack

import numpy as np
import pytest
import pytorch_lightning as pl
import soxr
import torch
from ruamel.yaml import YAML
from torch.utils.data import DataLoader

from datamodules.base import Batch, Loading, TaggingDataModule
from datamodules.common.errors import TagbenchError
from datamodules.corpus.stored_audio import StoredAudio
from datamodules.corpus.track import Track
from datamodules.loaders.windowing import Windowing, cut, train_start, window_starts
from tests.support.paths import ROOT
from tests.support.sources import TAGS, watched

EXPERIMENTS = ROOT / "experiments" / "datasets"
WINDOW = 3000
# Python 3.12 warns of what DataLoader does by default on Linux.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


class Noise(TaggingDataModule):
    """A leaf as small as leaves should be."""

    name = "noise"
    tags = TAGS
    licence: ClassVar[str] = "none"

    def __init__(
        self, *, count: int = 24, seconds: float = 0.3, **loading: Unpack[Loading]
    ) -> None:
        super().__init__(**loading)
        self.count = count
        self.seconds = seconds

    def build_manifest(self) -> Sequence[Track]:
        return watched(self.count, seconds=self.seconds)


class LouderNoise(Noise):
    """A variant that adds a parameter and changes a constant."""

    revision: ClassVar[int] = 2

    def __init__(self, *, gain: float = 2.0, **rest: Any) -> None:
        super().__init__(**rest)
        self.gain = gain


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora")
    Noise(root=folder, workers=2).prepare_data()
    return folder


def noise_data(root: Path, **options: Any) -> Noise:
    data = Noise(**{"root": root, "window": WINDOW, "batch_size": 4, **options})
    data.setup("fit")
    return data


def at_epoch(data: TaggingDataModule, epoch: int) -> None:
    data.trainer = SimpleNamespace(current_epoch=epoch)  # type: ignore[assignment]


def same(ours: Batch, theirs: Batch) -> bool:
    return (
        ours["track_ids"] == theirs["track_ids"]
        and torch.equal(ours["audio"], theirs["audio"])
        and torch.equal(ours["targets"], theirs["targets"])
        and torch.equal(ours["track_index"], theirs["track_index"])
    )


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
    own = set(inspect.signature(leaf.__init__).parameters) - {"self", "loading"}
    assert set(content.get("params", {})) <= own
    assert not own & set(Loading.__annotations__)


def test_training_batches_are_typed_and_true(root: Path) -> None:
    data = noise_data(root)
    corpus = data.corpus
    rows = {track_id: row for row, track_id in enumerate(corpus.track_ids)}
    batches = list(data.train_dataloader())
    assert [len(batch["track_ids"]) for batch in batches] == [4, 4, 4]
    seen = [track_id for batch in batches for track_id in batch["track_ids"]]
    assert sorted(seen) == sorted(corpus.split("train")["track_id"])
    for batch in batches:
        assert set(batch) == set(Batch.__annotations__)
        assert batch["audio"].dtype == batch["targets"].dtype == torch.float32
        assert batch["audio"].shape == (4, WINDOW)
        assert batch["track_index"].tolist() == [0, 1, 2, 3]
        for audio, target, track_id in zip(
            batch["audio"], batch["targets"], batch["track_ids"], strict=True
        ):
            row = rows[track_id]
            start = train_start(int(corpus.samples[row]), WINDOW, 0, 0, track_id)
            np.testing.assert_array_equal(audio, corpus.window(row, start, WINDOW))
            assert [t for t, on in zip(TAGS, target, strict=True) if on] == list(
                corpus.frame["tags"][row]
            )


@pytest.mark.parametrize(("workers", "context"), [(1, "fork"), (2, "fork"), (1, "spawn")])
def test_workers_change_nothing(root: Path, workers: int, context: str) -> None:
    data = noise_data(root)
    at_epoch(data, 3)
    loaders = [data.train_dataloader(), data.val_dataloader(), data.test_dataloader()]
    if context == "spawn":
        del loaders[1:]  # a worker takes seconds to import torch
    for loader in loaders:
        options: dict[str, Any] = {"batch_size": loader.batch_size, "sampler": loader.sampler}
        if loader.batch_size is not None:
            options["drop_last"] = loader.drop_last
        other = DataLoader(
            loader.dataset,
            collate_fn=loader.collate_fn,
            num_workers=workers,
            multiprocessing_context=context,
            **options,
        )
        expected, found = list(loader), list(other)
        assert len(expected) == len(found) > 0
        assert all(same(*pair) for pair in zip(expected, found, strict=True))


def test_workers_of_the_module_change_nothing(root: Path) -> None:
    here, there = noise_data(root), noise_data(root, workers=2)
    one, other = here.train_dataloader(), there.train_dataloader()
    for epoch in range(2):
        at_epoch(here, epoch)
        at_epoch(there, epoch)
        assert all(same(*pair) for pair in zip(one, other, strict=True))


def test_epochs_and_seeds_differ_in_order_and_windows(root: Path) -> None:
    def draw(epoch: int, **options: Any) -> dict[str, bytes]:
        data = noise_data(root, batch_size=12, **options)
        at_epoch(data, epoch)
        (batch,) = data.train_dataloader()
        audio = [row.numpy().tobytes() for row in batch["audio"]]
        return dict(zip(batch["track_ids"], audio, strict=True))

    draws = [draw(0), draw(1), draw(0, seed=1)]
    assert list(draw(0).items()) == list(draws[0].items())
    assert len({tuple(found) for found in draws}) == 3
    for track_id in draws[0]:
        assert len({found[track_id] for found in draws}) == 3


def test_drawing_leaves_the_generators_alone(root: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    data = noise_data(root)
    list(data.train_dataloader())
    list(data.val_dataloader())
    assert torch.equal(torch.rand(3), expected)


def test_the_last_batch_is_dropped_only_if_there_is_another(root: Path) -> None:
    assert [len(b["track_ids"]) for b in noise_data(root, batch_size=5).train_dataloader()] == [
        5,
        5,
    ]
    assert [len(b["track_ids"]) for b in noise_data(root, batch_size=99).train_dataloader()] == [12]


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_evaluation_batches_hold_whole_tracks(root: Path, split: str, batch_size: int) -> None:
    data = noise_data(root, batch_size=batch_size, window=1000)
    corpus = data.corpus
    loader = data.val_dataloader() if split == "valid" else data.test_dataloader()
    seen: list[str] = []
    for batch in loader:
        assert batch["track_index"].tolist() == sorted(batch["track_index"].tolist())
        for at, track_id in enumerate(batch["track_ids"]):
            row = int(np.flatnonzero(corpus.track_ids == track_id)[0])
            windows = batch["audio"][batch["track_index"] == at].numpy()
            audio = corpus.audio(row)
            full = len(audio) // 1000
            np.testing.assert_array_equal(windows[:full].ravel(), audio[: full * 1000])
            np.testing.assert_array_equal(windows[-1], audio[-1000:])
            assert batch["targets"][at].tolist() == [
                float(tag in corpus.frame["tags"][row]) for tag in TAGS
            ]
        seen += batch["track_ids"]
    assert seen == list(corpus.split(split)["track_id"])


def test_validation_may_look_at_fewer_windows(root: Path) -> None:
    data = noise_data(root, window=500, valid_windows=2, windowing=Windowing("won2020"))
    for loader, windows in ((data.val_dataloader(), 2), (data.test_dataloader(), 16)):
        for batch in loader:
            assert torch.bincount(batch["track_index"]).tolist() == [windows] * len(
                batch["track_ids"]
            )


def test_validation_reads_only_its_windows(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = noise_data(root, window=500, valid_windows=2)
    lengths: list[int] = []
    read = StoredAudio.raw

    def counted(self: StoredAudio, row: int, start: int, length: int) -> Any:
        lengths.append(length)
        return read(self, row, start, length)

    monkeypatch.setattr(StoredAudio, "raw", counted)
    loader = data.val_dataloader()
    loaded = np.concatenate([batch["audio"].numpy() for batch in loader])
    assert lengths == [500] * len(loaded) == [500] * 12
    starts = Windowing(max_windows=2)
    expected = [
        cut(data.corpus.audio(int(row)), window_starts(int(n), 500, starts), 500)
        for row in data.corpus.rows("valid")
        for n in [data.corpus.samples[row]]
    ]
    np.testing.assert_array_equal(loaded, np.concatenate(expected))


def test_what_a_worker_holds_of_a_manifest_is_small(root: Path) -> None:
    data = noise_data(root)
    loaders = [data.train_dataloader(), data.val_dataloader()]
    assert "frame" not in vars(data.corpus)
    _ = data.corpus.frame, data.corpus.track_ids
    assert not {"frame", "track_ids"} & set(vars(pickle.loads(pickle.dumps(data.corpus))))
    for loader in loaders:
        assert b"pandas" not in pickle.dumps(loader.dataset)


def test_short_tracks_are_repeated(root: Path) -> None:
    data = noise_data(root, window=20_000)
    corpus = data.corpus
    for loader in (data.train_dataloader(), data.test_dataloader()):
        for batch in loader:
            for audio, track_id in zip(batch["audio"], batch["track_ids"], strict=True):
                row = int(np.flatnonzero(corpus.track_ids == track_id)[0])
                np.testing.assert_array_equal(audio, np.resize(corpus.audio(row), 20_000))


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_a_model_may_want_another_rate(root: Path, rate: int) -> None:
    data = noise_data(root, window=3000, model_rate=rate)
    corpus = data.corpus
    needed = -(-3000 * 16000 // rate)
    (batch, *_) = data.train_dataloader()
    assert batch["audio"].shape == (4, 3000)
    for audio, track_id in zip(batch["audio"], batch["track_ids"], strict=True):
        row = int(np.flatnonzero(corpus.track_ids == track_id)[0])
        start = train_start(int(corpus.samples[row]), needed, 0, 0, track_id)
        if needed > corpus.samples[row]:
            assert start == 0
            continue
        stored = corpus.window(row, start, needed)
        np.testing.assert_allclose(audio, soxr.resample(stored, 16000, rate)[:3000], atol=1e-6)
    for batch in data.test_dataloader():
        for at, track_id in enumerate(batch["track_ids"]):
            row = int(np.flatnonzero(corpus.track_ids == track_id)[0])
            whole = soxr.resample(corpus.audio(row), 16000, rate)
            windows = batch["audio"][batch["track_index"] == at].numpy()
            expected = whole[-3000:] if len(whole) >= 3000 else np.resize(whole, 3000)
            np.testing.assert_allclose(windows[-1], expected, atol=1e-6)


# Hints of Lightning 2.6 to people at a keyboard, and its use of what torch deprecates.
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning")
def test_lightning_supplies_the_epoch(root: Path) -> None:
    heard: list[list[str]] = []

    class Listens(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def training_step(self, batch: Batch, _: int) -> torch.Tensor:
            digest = hashlib.sha256(batch["audio"].numpy().tobytes()).hexdigest()
            heard.append([digest, *batch["track_ids"]])
            return self.weight.sum()

        def validation_step(self, batch: Batch, _: int) -> None:
            assert len(batch["track_index"]) == len(batch["audio"])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    data = Noise(root=root, window=WINDOW, batch_size=12)
    trainer = pl.Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(Listens(), datamodule=data)
    expected = []
    other = noise_data(root, batch_size=12)
    for epoch in range(3):
        at_epoch(other, epoch)
        (batch,) = other.train_dataloader()
        digest = hashlib.sha256(batch["audio"].numpy().tobytes()).hexdigest()
        expected.append([digest, *batch["track_ids"]])
    assert heard == expected


def test_science_is_what_a_leaf_declares() -> None:
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
        sample_rate: ClassVar[int] = 24000

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


def test_modules_can_be_sent_to_other_processes(root: Path) -> None:
    data = noise_data(root)
    twin = pickle.loads(pickle.dumps(data))
    assert all(same(*p) for p in zip(data.test_dataloader(), twin.test_dataloader(), strict=True))


def test_mistakes_are_explained(tmp_path: Path, root: Path) -> None:
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
        TaggingDataModule(root=root)  # type: ignore[abstract]
