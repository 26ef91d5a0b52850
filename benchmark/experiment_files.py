"""Read experiment files (strict YAML 1.2) and validate them.

A name stands for a shipped file, or for one in the folder ``experiments`` of the working folder. An
error names the file, the dotted key and what was expected.
"""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from datamodules.common.errors import TagbenchError, unknown_name

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"
"""The shipped files."""

OWN = Path("experiments")
"""The files of the user, relative to the working folder. In a checkout, both are one folder."""

M = TypeVar("M", bound=BaseModel)


def names(kind: str) -> list[str]:
    """Return the names of all experiment files of a kind (``"models"``, ``"datasets"``, ...)."""
    return sorted(
        {path.stem for root in (EXPERIMENTS, OWN) for path in (root / kind).glob("*.yaml")}
    )


def find(kind: str, name: str) -> Path:
    """Return the file that ``name`` stands for: a name without folder, or the path of a YAML file.

    A path that starts with ``experiments/`` also stands for a shipped file.

    Raises:
        TagbenchError: There is no such file (the message gives the nearest name), or the working
            folder has another file of the name of a shipped one.
    """
    if name.endswith((".yaml", ".yml")):
        path, shipped = Path(name), EXPERIMENTS.parent / name
        if path.is_file():
            return path
        if path.parts[0] == OWN.name and shipped.is_file():
            return shipped
        raise TagbenchError(
            f"Cannot read {kind[:-1]} file {name!r}: no such file. Expected the path of a YAML "
            f"file, or a name that this command prints: tagbench list {kind}"
        )
    if Path(name).name != name:
        raise TagbenchError(
            f"Cannot read {kind[:-1]} file {name!r}: its name does not end with .yaml. Expected "
            f"the path of a YAML file, or a name that this command prints: tagbench list {kind}"
        )
    found = [root / kind / f"{name}.yaml" for root in (EXPERIMENTS, OWN)]
    found = [path for path in found if path.is_file()]
    if not found:
        raise unknown_name(kind[:-1], name, names(kind))
    if len({path.read_bytes() for path in found}) > 1:
        raise TagbenchError(
            f"{found[1]} has the name of the file {name!r} of tagbench, and other content. Rename "
            f"it, or give its path instead of the name: {found[1]}"
        )
    return found[0]


def load(path: Path, schema: type[M]) -> M:
    """Read one experiment file.

    Args:
        path: YAML 1.2 file.
        schema: The class that it must fit.

    Raises:
        TagbenchError: Not readable, not YAML, a duplicate, unknown or missing key, a wrong type.
    """
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TagbenchError(f"Cannot read {path}: {error}.") from error
    except YAMLError as error:
        raise TagbenchError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    return parse(data, schema, str(path))


def parse(data: object, schema: type[M], where: str) -> M:
    """Validate the content of a YAML file against a schema.

    Nothing is converted, except that an integer may stand for a float and a list for a tuple.

    Args:
        data: Content of the file.
        schema: The class that it must fit.
        where: File and key, for errors.

    Raises:
        TagbenchError: An unknown or missing key, or a wrong type; the message names ``where`` and
            the dotted key, what was expected and what was found.
    """
    if not isinstance(data, Mapping):
        raise TagbenchError(f"{where}: expected a mapping of keys, found {data!r}.")
    try:
        text = json.dumps(data)
    except (TypeError, ValueError) as error:
        raise TagbenchError(
            f"{where}: expected numbers, strings, lists and mappings: {error}."
        ) from error
    try:
        return schema.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise TagbenchError(_explain(error, schema, where)) from error


def _explain(error: ValidationError, schema: type[BaseModel], where: str) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(key) for key in item["loc"])
        place = f"{where}: {key}" if key else where
        if item["type"] == "extra_forbidden":
            valid = _keys_at(schema, item["loc"][:-1])
            near = difflib.get_close_matches(str(item["loc"][-1]), valid, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            lines.append(f"{where}: unknown key {key!r}.{hint} Valid: {', '.join(valid)}.")
        elif item["type"] == "missing":
            lines.append(f"{where}: missing key {key!r}.")
        else:
            lines.append(f"{place}: {_expected(item)}, found {item['input']!r}.")
    return "\n".join(lines)


_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "an integer",
    "float_type": "a number",
    "string_type": "a string",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys",
    "none_required": "null",
}
"""Description of the expected value, by the type of Pydantic's error."""


def _expected(error: ErrorDetails) -> str:
    if error["type"] in _EXPECTED:
        return f"expected {_EXPECTED[error['type']]}"
    if error["type"] == "literal_error":
        return f"expected {error['ctx']['expected']}"
    return error["msg"].removeprefix("Value error, ")


def _keys_at(schema: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Return the keys that are valid at ``location``, following nested models."""
    for key in location:
        field = schema.model_fields.get(str(key))
        if field is None or not (
            inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)
        ):
            return []
        schema = field.annotation
    return sorted(field.alias or name for name, field in schema.model_fields.items())


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings into dotted keys."""
    result: dict[str, Any] = {}
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            result |= flat(value, f"{name}.")
        else:
            result[name] = value
    return result
