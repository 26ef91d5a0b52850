"""MusicFM, whose network is that of its repository."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from lightning_modules.frozen.encoder import FrozenEncoder, numbered
from lightning_modules.frozen.packages import package


class MusicFM(FrozenEncoder):
    """Won et al., ICASSP 2024: MusicFM trained on FMA or MSD."""

    identity: ClassVar[str] = "MusicFM"
    model_types: ClassVar[tuple[str, ...]] = ("",)
    prefixes: ClassVar[tuple[str, ...]] = ("model.",)
    config_files: ClassVar[tuple[str, ...]] = ("msd_stats.json", "fma_stats.json")
    fixed_rate: ClassVar[int | None] = 24000
    title: ClassVar[str] = "MusicFM"
    paper: ClassVar[str] = "Won et al., ICASSP 2024"
    bibtex: ClassVar[str] = """@inproceedings{won2024foundation,
  title={A Foundation Model for Music Informatics},
  author={Won, Minz and Hung, Yun-Ning and Le, Duc},
  booktitle={Proc. ICASSP}, year={2024}}"""

    def build_network(self, config: Mapping[str, Any]) -> nn.Module:
        """Build the network of the repository, which reads its statistics from a file."""
        install = "git clone https://github.com/minzwon/musicfm, and put its parent on PYTHONPATH"
        library = package("musicfm.model.musicfm_25hz", install)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stats.json"
            path.write_text(json.dumps(config), encoding="utf-8")
            network: nn.Module = library.MusicFM25Hz(
                is_flash=False, stat_path=str(path), model_path=None
            )
        return network

    def outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """Map audio (B, T) to the states (B, frames, D) of all layers."""
        network: Any = self.network
        return numbered(network.get_predictions(audio)[1])

    @property
    def layer_widths(self) -> dict[str, int]:
        """Width of the blocks, one more time than there are blocks."""
        network: Any = self.network
        config = network.conformer.config
        return {f"layer_{n}": config.hidden_size for n in range(config.num_hidden_layers + 1)}
