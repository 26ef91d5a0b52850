"""Plain data as YAML text, the same bytes for the same data."""

from __future__ import annotations

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString


def yaml_text(value: Any) -> str:
    """Return plain data as block-style YAML.

    Every text value is quoted, because readers of YAML 1.1, such as that of the Hugging Face hub,
    take an unquoted ``no`` for a truth value.
    """
    stream = StringIO()
    yaml = YAML()
    yaml.width = 4096  # no line is broken
    yaml.dump(_quoted(value), stream)
    return stream.getvalue()


def _quoted(value: Any) -> Any:
    if isinstance(value, str):
        return DoubleQuotedScalarString(value)
    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_quoted(item) for item in value]
    return value
