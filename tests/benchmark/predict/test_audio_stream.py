"""Start method of the worker processes."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.predict.audio_stream import StreamConfig, open_audio_stream


class Chosen(Exception):  # noqa: N818 - no error: it ends the call under test
    """Carries the start method."""


@pytest.mark.parametrize(
    ("initialised", "asked", "used"),
    [(False, "fork", "fork"), (True, "fork", "forkserver"), (True, "spawn", "spawn")],
)
def test_a_process_with_cuda_is_not_forked(
    initialised: bool, asked: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(method: str) -> Any:
        raise Chosen(method)

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: initialised)
    monkeypatch.setattr(multiprocessing, "get_context", choose)
    with (
        pytest.raises(Chosen, match=f"^{used}$"),
        open_audio_stream(StreamConfig(Path(), ()), 1, asked),
    ):
        pass
