"""Groups of models that differ only in the augmentation of their training."""

from __future__ import annotations

from typing import Any

from benchmark.config.trained_on import Augmented, TrainedOn, trained_on


def cell(model: str, own: str, augmentation: str = "", clean: str = "") -> dict[str, Any]:
    entry: dict[str, Any] = {"id": own, "kind": "train", "labels": {"model": model}}
    if augmentation:
        entry["augmented"] = Augmented(augmentation, (augmentation,), clean).to_json()
    return entry


def groups_of(*trainings: dict[str, Any], parents: tuple[str, ...] = ()) -> dict[str, TrainedOn]:
    """Group trainings, of which all but ``parents`` have an evaluation."""
    evaluations = [
        {"id": f"e{at}", "kind": "evaluation", "labels": training["labels"]}
        for at, training in enumerate(trainings)
        if training["labels"]["model"] not in parents
    ]
    return trained_on([*trainings, *evaluations])


def test_models_are_grouped_by_the_ids_of_their_trainings_and_not_by_their_names() -> None:
    groups = groups_of(
        cell("mine", "a0"),
        cell("mine", "a1"),  # the second seed connects "noisy", which lacks the first
        cell("shifted", "b0", "pitch_shift", "a0"),
        cell("noisy", "c1", "white_noise", "a1"),
        cell("mine_again", "a0"),  # another name of the first model
        cell("mine_128", "x0"),  # another architecture
        cell("mine_128+gain", "y0", "gain", "x0"),
        cell("mine+gain", "z0", "gain", "elsewhere"),  # nothing to compare with
        cell("alone", "w0"),
    )
    assert groups == {
        "mine": TrainedOn("mine"),
        "noisy": TrainedOn("mine", "white_noise", ("white_noise",)),
        "shifted": TrainedOn("mine", "pitch_shift", ("pitch_shift",)),
        "mine_128": TrainedOn("mine_128"),
        "mine_128+gain": TrainedOn("mine_128", "gain", ("gain",)),
    }


def test_a_group_may_lack_the_model_trained_on_clean_audio() -> None:
    groups = groups_of(cell("b", "b0", "gain", "a"), cell("c", "c0", "clmr", "a"))
    assert groups == {
        "b": TrainedOn("b", "gain", ("gain",)),
        "c": TrainedOn("b", "clmr", ("clmr",)),
    }
    assert groups_of(cell("b", "b0", "gain", "a"), cell("d", "d0")) == {}


def test_models_that_are_not_evaluated_are_left_out() -> None:
    pretrained = cell("b", "b0", "gain", "a"), cell("c", "c0", "clmr", "a")
    assert groups_of(*pretrained, parents=("c",)) == {}
