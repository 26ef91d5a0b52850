"""Text form of a model of a matrix: a model file with other parameters or with an augmentation.

``fma_svm[sets=mfcc]`` is the file ``fma_svm`` with the parameter ``sets`` of the architecture,
``fcn+pitch_shift`` the file ``fcn`` with an augmentation, and ``small=fcn[n_mels=64]+clmr`` is
called ``small`` in tables.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from datamodules.common.errors import TagbenchError

SEPARATOR = "+"
"""Stands between the model and the augmentation."""

_NAME = re.compile(r"[\w.-]+")
_PLAIN = re.compile(r"[\w./ +-]*")
_KEYS = {"model", "models", "params", "grid", "augment", "name"}
_EXPECTED = (
    "a model is a name, or {model: fcn, augment: family:pitch_shift}, or "
    "{model: fma_svm, params: {sets: mfcc}}, or {models: [fma_svm, fma_mlp], "
    "grid: {sets: [mfcc, zcr]}}"
)


@dataclass(frozen=True)
class Variant:
    """A model file, and in what a model differs from it.

    Attributes:
        model: Name or path of the file.
        params: Parameters of the architecture in place of those of the file.
        augment: Augmentation of the training; empty for that of the file.
        name: Name in tables; empty for one that states the differences.
    """

    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    augment: str = ""
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form.

        Raises:
            TagbenchError: The brackets do not hold parameters.
        """
        end = text.rfind("]") + 1
        rest, separator, augment = text[end:].rpartition(SEPARATOR)
        rest = text[:end] + rest if separator and augment else text
        params = {}
        if rest.endswith("]"):
            rest, _, inner = rest[:-1].partition("[")
            params = _parameters(inner, text)
        name, equals, model = rest.partition("=")
        if not equals or not _NAME.fullmatch(name):
            name, model = "", rest
        return cls(model, params, augment if rest != text else "", name)

    def __str__(self) -> str:
        name = f"{self.name}=" if self.name else ""
        augment = f"{SEPARATOR}{self.augment}" if self.augment else ""
        return f"{name}{self.model}{parameter_text(self.params)}{augment}"


def parameter_text(params: Mapping[str, Any]) -> str:
    """Return parameters as in ``[sets=mfcc,standardise=false]``, sorted; empty for none."""
    items = ",".join(f"{name}={value_text(params[name])}" for name in sorted(params))
    return f"[{items}]" if items else ""


def value_text(value: Any) -> str:
    """Return a value as YAML: a string without quotes if it reads as the same string."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and _read(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def split_at_commas(text: str) -> list[str]:
    """Split at the commas that are not within brackets, braces or double quotes."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == '"'
        if not quoted:
            depth += (character in "[{") - (character in "]}")
        if character == "," and depth <= 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def expanded(items: object) -> object:
    """Convert the mappings among the models of a matrix to text; return other values unchanged.

    Args:
        items: The list of models in a YAML file. A mapping with ``models`` or ``grid`` stands for
            several models: every model with every combination of the values.

    Raises:
        ValueError: A mapping has other keys or values.
    """
    if not isinstance(items, list):
        return items
    texts: list[object] = []
    for number, item in enumerate(items):
        texts += _texts(item, number) if isinstance(item, Mapping) else [item]
    return texts


def _texts(item: Mapping[Any, Any], number: int) -> Iterable[str]:
    models = item.get("models", [item.get("model")])
    params, grid = item.get("params", {}), item.get("grid", {})
    augment, name = item.get("augment", ""), item.get("name", "")
    several = "models" in item or "grid" in item
    if (
        not set(item) <= _KEYS
        or ("model" in item) == ("models" in item)
        or len(item) < 2
        or not isinstance(models, list)
        or not all(isinstance(text, str) for text in (*models, augment, name))
        or not all(isinstance(part, Mapping) for part in (params, grid))
        or not all(isinstance(values, list) for values in grid.values())
        or (name and (several or not _NAME.fullmatch(name)))
    ):
        raise ValueError(f"item {number}: {_EXPECTED}")
    combinations = [
        dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
    ]
    return (
        str(Variant(model, {**params, **chosen}, augment, name))
        for chosen in combinations
        for model in models
    )


def _parameters(inner: str, text: str) -> dict[str, Any]:
    """Read ``sets=mfcc, standardise=false``; a value is YAML."""
    params: dict[str, Any] = {}
    for item in split_at_commas(inner):
        name, equals, value = item.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier() or not value.strip() or name in params:
            raise TagbenchError(
                f"Model {text!r}: expected parameters such as fma_svm[sets=mfcc,standardise=false] "
                f"in the brackets, each once, found {item.strip()!r}."
            )
        try:
            params[name] = _read(value)
        except YAMLError as error:
            raise TagbenchError(
                f"Model {text!r}: the value of {name} is not valid YAML: {value.strip()!r}."
            ) from error
    return params


def _read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)
