"""The views by name, built from text or from the mappings of a YAML file."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

import datamodules.views
from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.views.base import View
from datamodules.views.joined import Joined


def view_classes() -> dict[str, type[View]]:
    """Return the views in this package by name, but for those that consist of other views."""
    found: dict[str, type[View]] = {}
    for module in pkgutil.iter_modules(datamodules.views.__path__, "datamodules.views."):
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(cls, View) and not (inspect.isabstract(cls) or cls is Joined):
                found[cls.name] = cls
    return dict(sorted(found.items()))


def make_view(name: str, parameters: Mapping[str, str], sample_rate: int) -> View:
    """Return a view from its name and parameters in text form.

    Args:
        name: Name of the view, such as ``fma_features``.
        parameters: Parameters; numbers, booleans and null are written as in JSON.
        sample_rate: Rate in Hz of the audio that it takes, unless ``parameters`` states one.

    Raises:
        TagbenchError: The view or a parameter is unknown, or a value has another type.
    """
    classes = view_classes()
    if name not in classes:
        raise unknown_name("view", name, classes, "--view")
    cls = classes[name]
    hints = get_type_hints(cls)
    known = [field.name for field in dataclasses.fields(cls)]
    values: dict[str, Any] = {"sample_rate": sample_rate}
    for parameter, text in parameters.items():
        if parameter not in known:
            raise unknown_name(f"parameter of the view {name}", parameter, known, "--view-param")
        values[parameter] = _value(f"{name}.{parameter}", text, hints[parameter])
    return cls(**values)


def joined_view(descriptions: Sequence[Mapping[str, Any]]) -> View:
    """Return the view that a YAML file describes: one view, or several that are joined.

    Args:
        descriptions: ``name`` and parameters of each view. Each row of the first is followed by the
            row of each of the others, see `Joined`.

    Raises:
        TagbenchError: A view or a parameter is unknown, a value has another type, or the views
            cannot be joined.
    """
    if not descriptions:
        raise TagbenchError("views: expected at least one view, such as [{name: fma_features}].")
    parts = [_described(description) for description in descriptions]
    rates = [part.sample_rate for part in parts if part.reads_audio]
    view = parts[0]
    for part in parts[1:]:
        view = Joined((rates or [view.sample_rate])[0], view, part)
    return view


def _described(description: Mapping[str, Any]) -> View:
    values = dict(description)
    name = values.pop("name", None)
    classes = view_classes()
    if name not in classes:
        raise unknown_name("view", str(name), classes, "views")
    cls = classes[name]
    hints = get_type_hints(cls)
    known = [field.name for field in dataclasses.fields(cls)]
    for parameter, value in values.items():
        if parameter not in known:
            raise unknown_name("parameter", parameter, known, f"views, {name}")
        try:
            TypeAdapter(hints[parameter]).validate_python(value, strict=True)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise TagbenchError(f"views: {name}.{parameter}: {reason}, found {value!r}.") from error
    return cls(**values)


def _value(what: str, text: str, expected: Any) -> Any:
    if expected is str:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if isinstance(expected, type) and type(value) is not expected:
        raise TagbenchError(f"{what} must be {expected.__name__}, got {text!r}.")
    return value
