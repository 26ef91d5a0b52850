"""Identity is content: what changes an id, what must not, and golden ids against drift."""

from __future__ import annotations

import hashlib
import json

import pytest

from benchmark.config.identity import (
    EvaluationIdentity,
    PerturbationIdentity,
    canonical,
    cell_id,
)
from benchmark.plan.jobs import Runtime
from tests.support.identities import INPUTS, training


def evaluation(level: float = 1.0) -> EvaluationIdentity:
    return EvaluationIdentity(
        train=cell_id(training()),
        inputs=INPUTS,
        perturbation=PerturbationIdentity(
            name="pitch_up",
            family="pitch_shift",
            level=level,
            protocol="suite",
            revision=1,
            engine={"audiomentations": "0.43.1"},
            seed=0,
        ),
        windows={"protocol": "tiled", "max_windows": None},
    )


def test_golden_ids():
    # A change here orphans every stored result: it must be a decision, named in the changelog.
    assert cell_id(training()) == "bce0b44fac431a5c"
    assert cell_id(evaluation()) == "761a33d1e98ec4ec"


def test_id_is_the_sha256_of_the_canonical_preimage():
    text = json.dumps(
        training().model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    assert cell_id(training()) == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_a_copy_is_hashed_anew():
    original = training()
    assert cell_id(original.model_copy(update={"seed": 1})) == cell_id(training(seed=1))
    assert cell_id(original) == cell_id(training())


def test_parents_are_hashed_where_there_are_some():
    assert "parents" not in training().model_dump(mode="json")
    child = training(parents={"teacher": cell_id(training())})
    text = json.dumps(child.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    assert cell_id(child) == hashlib.sha256(text.encode()).hexdigest()[:16] != cell_id(training())


def test_order_of_keys_does_not_matter():
    assert cell_id(training(recipe={"epochs": 8, "lr": 1e-3})) == cell_id(training())


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"recipe": {"lr": 1.1e-3, "epochs": 8}},
        {"inputs": INPUTS.model_copy(update={"split": "x"})},
    ],
)
def test_every_change_of_the_identity_is_another_cell(change: dict[str, object]):
    assert cell_id(training(**change)) != cell_id(training())


def test_level_is_part_of_the_identity():
    assert cell_id(evaluation(2.0)) != cell_id(evaluation())


def test_how_it_ran_cannot_be_hashed():
    with pytest.raises(TypeError, match="only an Identity"):
        cell_id(Runtime("results", "data"))  # type: ignore[arg-type]


def test_not_a_number_has_no_identity():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"lr": float("nan")})
