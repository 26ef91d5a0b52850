"""The page of the YAML files, from their pydantic models."""

from __future__ import annotations

import inspect
import re
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from markdown import cell, table
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from benchmark.augmentations import AugmentationFile
from benchmark.config.schema import BenchmarkFile, DatasetFile, ModelFile, Preset
from benchmark.config.targets import TargetFile

FILES: tuple[type[BaseModel], ...] = (
    ModelFile,
    DatasetFile,
    BenchmarkFile,
    Preset,
    AugmentationFile,
    TargetFile,
)
"""Models of whole files; models that their fields use follow."""

_INTRODUCTION = """\
# YAML files

This page is generated from the pydantic models that validate the files. An unknown key, a duplicate
key and a value of another type are errors. The files that tagbench ships are in `experiments/`; a
command also accepts the path of a file of your own.
"""
_FIELD = re.compile(r"^    (\w+): (.*?)(?=^    \w+: |^\S|\Z)", re.DOTALL | re.MULTILINE)


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstring says of each attribute."""
    text = inspect.getdoc(model) or ""
    _, _, attributes = text.partition("Attributes:\n")
    return {name: " ".join(words.split()) for name, words in _FIELD.findall(attributes)}


def _type(annotation: Any) -> str:
    """Return an annotation as it is written in Python, without validators."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(parts[0])
    if origin is Literal:
        return " | ".join(map(repr, parts))
    if origin in (Union, UnionType):
        return " | ".join(map(_type, parts))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_type, parts))}]"
    if annotation in (None, type(None), Ellipsis):
        return "..." if annotation is Ellipsis else "None"
    return str(getattr(annotation, "__name__", annotation))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True) if not field.default_factory else ""
    if value is PydanticUndefined or value == "":
        return ""
    return "" if isinstance(value, BaseModel) else f"`{value!r}`"


def _nested(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _nested(part)]


def _section(model: type[BaseModel]) -> str:
    described = _attributes(model)
    rows = [
        (
            f"`{field.alias or name}`",
            f"`{_type(field.annotation)}`",
            _default(field),
            described.get(name, field.description or ""),
        )
        for name, field in model.model_fields.items()
    ]
    text = (inspect.getdoc(model) or "").partition("\n\n")[0]
    body = table(("key", "type", "default", "meaning"), rows)
    return f"## {model.__name__}\n\n{cell(text)}\n\n{body}\n"


def render() -> str:
    """Return the page in Markdown."""
    models = list(FILES)
    for model in models:  # grows by what the fields use
        for field in model.model_fields.values():
            models += [used for used in _nested(field.annotation) if used not in models]
    return "\n".join([_INTRODUCTION, *map(_section, models)])
