"""Target sources by name: YAML files that name a class and its parameters."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from benchmark.config.classes import import_class, resolve_params
from benchmark.config.schema import Strict
from benchmark.experiment_files import find, load
from datamodules.labels.targets.base import TargetSource


class TargetFile(Strict):
    """``experiments/targets/<name>.yaml``: targets beyond tags, which a stage can learn.

    Attributes:
        class_path: Import path of the class.
        params: Its parameters.
    """

    class_path: str = Field(alias="class")
    params: dict[str, Any] = Field(default={})


def resolve_target(name: str) -> TargetSource:
    """Return the target source that a file describes.

    Args:
        name: Name of a file in ``experiments/targets/``, or the path of a YAML file.

    Raises:
        TagbenchError: There is no such file, or it does not fit the class that it names.
    """
    file, where = load(find("targets", name), TargetFile), f"target {name!r}"
    cls = import_class(file.class_path, TargetSource, where)
    source: TargetSource = cls(**resolve_params(cls, TargetSource, file.params, where))
    return source
