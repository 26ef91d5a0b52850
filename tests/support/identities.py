"""Identities that several tests hash."""

from __future__ import annotations

from benchmark.config.identity import Architecture, Inputs, TrainIdentity

INPUTS = Inputs(
    manifest="m" * 64, split="s" * 64, tags="t" * 64, task="multilabel", sample_rate=16000
)


def training(**changes: object) -> TrainIdentity:
    content: dict[str, object] = {
        "architecture": Architecture(
            identity="FCN",
            revision=1,
            params={"n_mels": 96},
            sample_rate=16000,
            window=464000,
        ),
        "inputs": INPUTS,
        "recipe": {"lr": 1e-3, "epochs": 8},
        "seed": 0,
    }
    return TrainIdentity(**{**content, **changes})  # type: ignore[arg-type]
