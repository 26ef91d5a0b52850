"""MuQ and MusicFM, with substitutes for the networks of their packages."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.checkpoints.encoders import import_encoder
from datamodules.common.errors import TagbenchError


class Conformer(nn.Module):
    config = SimpleNamespace(hidden_size=3, num_hidden_layers=1)


class MusicFM25Hz(nn.Module):
    """Has the interface of the published class."""

    def __init__(self, is_flash: bool, stat_path: str, model_path: None) -> None:
        super().__init__()
        assert not is_flash
        self.stat = json.loads(Path(stat_path).read_text("utf-8"))
        self.dense = nn.Linear(1, 3)
        self.conformer = Conformer()

    def get_predictions(self, x: Tensor) -> tuple[None, list[Tensor]]:
        frames = x.unfold(1, 960, 960).mean(2, keepdim=True) / self.stat["melspec_2048_std"]
        return None, [self.dense(frames), 2 * self.dense(frames)]


def test_its_statistics_and_weights_are_read(tmp_path: Path, monkeypatch: Any) -> None:
    folder = tmp_path / "musicfm"
    folder.mkdir()
    (folder / "msd_stats.json").write_text('{"melspec_2048_std": 2.0}', "utf-8")
    network = MusicFM25Hz(False, str(folder / "msd_stats.json"), None)
    state = {f"model.{name}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": state}, folder / "pretrained_msd.pt")
    with pytest.raises(TagbenchError, match=r"needs the package musicfm\..*: git clone"):
        import_encoder(folder, "musicfm", tmp_path / "out")
    stub = ModuleType("musicfm.model.musicfm_25hz")
    stub.MusicFM25Hz = MusicFM25Hz  # type: ignore[attr-defined]
    for name in ("musicfm", "musicfm.model", stub.__name__):
        monkeypatch.setitem(sys.modules, name, stub)
    module = load_checkpoint(import_encoder(folder, "musicfm", tmp_path / "out").folder)[0]
    layers = module.embed_layers(torch.ones(1, module.input_samples))
    torch.testing.assert_close(layers["layer_1"], 2 * network.dense(torch.full((1, 1), 0.5)))
    assert module.sample_rate == 24000
    (folder / "pretrained_fma.pt").write_bytes(b"other")
    with pytest.raises(TagbenchError, match=r"pretrained_fma\.pt, pretrained_msd\.pt.* Keep one"):
        import_encoder(folder, "musicfm", tmp_path / "out")


def test_an_encoder_of_a_package_says_which_and_reads_all_its_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Network(nn.Module):
        def __init__(self, config: Any) -> None:
            super().__init__()
            self.config = config
            self.dense = nn.Linear(1, config.encoder_dim)

        def forward(self, x: Tensor, output_hidden_states: bool) -> Any:
            states = self.dense(x.unfold(1, 960, 960).mean(2, keepdim=True))
            return SimpleNamespace(hidden_states=[states, 2 * states])

    folder = tmp_path / "folder"
    folder.mkdir()
    config = {"encoder_dim": 3, "encoder_depth": 1}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    network = Network(SimpleNamespace(**config))
    safetensors.torch.save_file(network.state_dict(), folder / "model.safetensors")
    monkeypatch.setitem(sys.modules, "muq", None)
    with pytest.raises(TagbenchError, match="needs the package muq: pip install muq"):
        import_encoder(folder, "muq", tmp_path)
    stub = SimpleNamespace(MuQ=Network, MuQConfig=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "muq", stub)  # type: ignore[arg-type]
    module = load_checkpoint(import_encoder(folder, "muq", tmp_path / "out").folder)[0]
    layers = module.embed_layers(torch.ones(1, module.input_samples))
    torch.testing.assert_close(layers["layer_1"], 2 * (network.dense(torch.ones(1, 1))))
