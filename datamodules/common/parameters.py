"""Inspection and checks of the parameters of a class."""

from __future__ import annotations

import inspect
from collections.abc import Container
from typing import get_args, get_type_hints

from datamodules.common.errors import TagbenchError


def check_minimum(minimum: int, **values: int | None) -> None:
    """Check that parameters are None or at least ``minimum``.

    Raises:
        TagbenchError: One is smaller.
    """
    for name, value in values.items():
        if value is not None and value < minimum:
            raise TagbenchError(f"{name} must be at least {minimum}, got {value}.")


def own_parameters(cls: type, skipped: Container[str]) -> list[str]:
    """Return the named parameters of a constructor that are not in ``skipped``."""
    return [
        name
        for name, parameter in inspect.signature(cls.__init__).parameters.items()  # type: ignore[misc]
        if name != "self"
        and name not in skipped
        and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]


def literal_values(cls: type, name: str) -> tuple[object, ...]:
    """Return the values of the ``Literal`` type of a constructor's parameter.

    Raises:
        TypeError: Neither the class nor a base has that parameter.
    """
    for base in cls.__mro__:
        constructor = base.__dict__.get("__init__")
        if constructor is not None and name in inspect.signature(constructor).parameters:
            return get_args(get_type_hints(constructor)[name])
    raise TypeError(f"{cls.__name__} has no parameter {name!r}")
