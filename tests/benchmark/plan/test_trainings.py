"""What a plan states about trainings with augmentation, and with targets beyond tags."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmark.config.models import ResolvedModel
from benchmark.config.schema import Preset
from benchmark.experiment_files import find, load
from benchmark.plan.trainings import Trainings
from benchmark.store.cells import Labels
from tests.support.identities import INPUTS


def test_an_augmented_training_states_its_families_and_the_id_without_augmentation() -> None:
    preset = load(find("presets", "quick"), Preset)
    labels = partial(Labels, "synth", "multilabel", "quick")
    trainings = Trainings("synth", labels, {}, INPUTS, preset, "cpu", {})
    names = ("fcn", "fcn+white_noise", "fcn+clmr", "fcn_128+clmr")
    models = [ResolvedModel.named(name) for name in names]
    clean, noise, clmr, other = (trainings.cell(model, 3) for model in models)

    assert clean.id not in trainings.augmented
    assert trainings.augmented[noise.id].families == ("white_noise",)
    assert trainings.augmented[clmr.id].augmentation == "clmr"
    # Transforms of a chain count for the family that they resemble.
    assert trainings.augmented[clmr.id].families == ("gain", "pitch_shift", "white_noise")
    for cell in (noise, clmr):
        assert trainings.augmented[cell.id].unaugmented == clean.id != cell.id
    assert trainings.augmented[other.id].unaugmented not in (clean.id, other.id)
    assert trainings.cell(models[0], 4).id != clean.id


def test_a_training_on_targets_states_what_determines_them_and_not_their_names() -> None:
    preset = load(find("presets", "quick"), Preset)
    labels = partial(Labels, "synth", "multilabel", "quick")
    corpus: Any = object()  # factors of audio need no column of the manifest
    trainings = Trainings("synth", labels, {}, INPUTS, preset, "cpu", {}, corpus=corpus)
    model = ResolvedModel.named("agf_mfcc_transfer")
    transfer = trainings.cell(model, 0)
    (parent,) = (cell for cell in trainings.parents_of([transfer]) if cell.labels.model)
    stage = parent.identity.model_dump(mode="json")["stage"]
    (targets,) = stage["targets"]["targets"]
    assert targets["params"]["clusters"] == 2048
    assert targets["view"]["params"]["coefficients"] == 13
    assert "targets" not in stage["params"]
    assert "agf_mfcc" not in parent.identity.canonical_text
    other = trainings.cell(ResolvedModel.named("agf_dmfcc"), 0)
    assert other.id != parent.id
