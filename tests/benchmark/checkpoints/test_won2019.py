"""Importing the published file of Won et al. 2019."""

from __future__ import annotations

import json

import numpy as np
import torch
from typer.testing import CliRunner

from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.cli import app
from datamodules.labels.vocabularies import VOCABULARIES
from lightning_modules.architectures.self_attention_2019 import SelfAttention2019
from tests.support.formula import fill, signal
from tests.support.paths import DATA
from tests.support.won2019 import published_name

RELEASED = "self_attention_2019_released"


def test_published_file_is_imported_by_the_name_of_its_architecture(tmp_path):
    golden = json.loads((DATA / "self_attention_2019.json").read_text(encoding="utf-8"))
    facts = golden["models"][RELEASED]
    model = SelfAttention2019.build(0, n_tags=50, n_channels=8, positions="learned")
    fill(model, facts["gain"], facts["overrides"], published_name)
    state = {f"module.{published_name(name)}": value for name, value in model.state_dict().items()}
    assert len(state) == 121
    torch.save(state, tmp_path / "ponswon.pth")
    # The name is that of another size, which the importer corrects.
    options = ["--model", "pons_won", "--dataset", "mtat", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, ["import-checkpoint", str(tmp_path / "ponswon.pth"), *options])
    assert result.exit_code == 0, result.exception
    module, card = load_checkpoint(tmp_path / f"{RELEASED}-mtat")
    assert card.tags == VOCABULARIES["mtat"]
    audio = torch.from_numpy(signal(facts["samples"]))[None]
    with torch.inference_mode():
        sigmoids = module.probabilities(module(audio))[0]
    np.testing.assert_allclose(sigmoids, facts["sigmoids"], atol=1e-5)
