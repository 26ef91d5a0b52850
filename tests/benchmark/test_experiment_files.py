"""Files of the working folder beside the shipped ones, as an installed package needs them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from benchmark.config.classes import import_class
from benchmark.experiment_files import EXPERIMENTS, find, names
from datamodules.common.errors import TagbenchError


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models in an own working folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "experiments" / "models"
    folder.mkdir(parents=True)
    return folder


def test_names_stand_for_own_files_and_for_shipped_ones(own: Path) -> None:
    shutil.copy(EXPERIMENTS / "models" / "fcn.yaml", own / "my_fcn.yaml")
    assert find("models", "my_fcn").resolve() == own / "my_fcn.yaml"
    assert find("models", "fcn") == EXPERIMENTS / "models" / "fcn.yaml"
    assert {"my_fcn", "fcn"} <= set(names("models"))
    with pytest.raises(TagbenchError, match="my_fcn"):
        find("models", "my_fcm")


def test_an_own_file_does_not_replace_a_shipped_one_unseen(own: Path) -> None:
    shutil.copy(EXPERIMENTS / "models" / "fcn.yaml", own)
    assert find("models", "fcn") == EXPERIMENTS / "models" / "fcn.yaml"
    with (own / "fcn.yaml").open("a") as file:
        file.write("# another\n")
    with pytest.raises(TagbenchError, match=r"give its path .*: experiments/models/fcn\.yaml$"):
        find("models", "fcn")
    assert find("models", "experiments/models/fcn.yaml").resolve() == own / "fcn.yaml"


def test_a_path_below_experiments_stands_for_a_shipped_file(own: Path) -> None:
    shipped = sorted((EXPERIMENTS / "models" / "pretrained").glob("*.yaml"))[0]
    path = f"experiments/models/pretrained/{shipped.name}"
    assert find("models", path) == shipped
    with pytest.raises(TagbenchError, match="no such file"):
        find("models", "elsewhere/fcn.yaml")


def test_classes_of_the_working_folder_are_imported(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    Path("own_classes_of_a_test.py").write_text("class Own(dict): ...\n")
    assert issubclass(import_class("own_classes_of_a_test.Own", dict, "x.yaml"), dict)
    assert sys.path[-1] == str(Path.cwd())
    with pytest.raises(TagbenchError, match=r"x\.yaml: class: cannot import 'missing_module\.Own'"):
        import_class("missing_module.Own", dict, "x.yaml")
