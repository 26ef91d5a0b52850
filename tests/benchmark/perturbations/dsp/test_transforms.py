"""Serialisation of the transforms defined here."""

from __future__ import annotations

import json

import pytest

from benchmark.perturbations.dsp import transforms
from tests.support.sounds import RATE, digest, music


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("AddNoiseSNR", {"snr_db": 7.5, "noise_seed": 2**32 - 1}),
        ("RelativeCompressor", {"ratio": 3.0}),
    ],
)
def test_transforms_are_serialised_as_those_of_audiomentations(
    name: str, arguments: dict[str, float]
) -> None:
    kind, audio = getattr(transforms, name), music(0.5)
    first = kind(**arguments)
    wanted = first(audio, RATE)
    facts = json.loads(json.dumps(first.to_dict()))["transform"]
    assert facts.pop("__class_fullname__") == f"{transforms.__name__}.{name}"
    assert arguments.items() <= facts.items()
    assert json.loads(json.dumps(first.parameters)).items() >= arguments.items()
    assert digest(kind(**facts)(audio, RATE)) == digest(wanted)
