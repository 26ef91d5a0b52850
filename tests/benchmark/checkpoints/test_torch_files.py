"""Reading ``.pth`` files: wrappers are removed, other files are refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.checkpoints.importer import import_checkpoint
from datamodules.common.errors import TagbenchError
from tests.support.won2020_import import import_state, imported_weights


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {"epoch": 3, "state_dict": state},
        lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()}},
        lambda state: {f"module.model.{name}": value for name, value in state.items()},
    ],
    ids=["parallel", "nested", "lightning", "both"],
)
def test_wrappers_are_removed(wrap, fcn_state, tmp_path):
    imported = import_state(tmp_path, wrap(fcn_state))
    assert torch.equal(
        imported_weights(imported)["layer3.conv.weight"], fcn_state["layer3.conv.weight"]
    )


class _CodeInPickle:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def _web_page(state: dict[str, Tensor], path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>Quota exceeded</body></html>", encoding="utf-8")


def _lfs_pointer(state: dict[str, Tensor], path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n", encoding="utf-8")


def _truncated(state: dict[str, Tensor], path: Path) -> None:
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _truncated_old(state: dict[str, Tensor], path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _code_in_pickle(state: dict[str, Tensor], path: Path) -> None:
    path.write_bytes(pickle.dumps({"dense.weight": _CodeInPickle()}))


def _module(state: dict[str, Tensor], path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), path)


REFUSED = [
    (_web_page, "is a web page"),
    (_lfs_pointer, "Git LFS pointer"),
    (_truncated, "its end is missing.*Download it again"),
    (_truncated_old, "cannot be read.*Download it again"),
    (_code_in_pickle, "cannot be read: it contains objects other than tensors"),
    (_module, "cannot be read: it contains objects other than tensors"),
    (lambda state, path: path.write_bytes(b""), "it is empty"),
    (lambda state, path: path.write_bytes(b"\x00\x01 noise" * 99), "cannot be read"),
    (lambda state, path: path.write_bytes(b"RIFF WAVE" * 99), "torch.save did not write it"),
    (lambda state, path: path.mkdir(), "Is a directory"),
    (lambda state, path: None, "No such file"),
    (lambda state, path: torch.save([1, 2], path), "no state dict: .* found a list"),
    (lambda state, path: torch.save({}, path), "found an empty mapping"),
    (lambda state, path: torch.save({"a": 1}, path), "a mapping with the keys a"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_other_files_are_refused(make, message, fcn_state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "best_model.pth"
    make(fcn_state, path)
    with pytest.raises(TagbenchError, match=message):
        import_checkpoint(path, "fcn", "mtat", tmp_path / "out")
    assert not (tmp_path / "executed").exists()
    assert not (tmp_path / "out").exists()
