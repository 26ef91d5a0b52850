"""Import the classes that YAML files name, and check their parameters."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from pydantic import ConfigDict, create_model

from benchmark.experiment_files import parse
from datamodules.common.errors import TagbenchError, unknown_name


def import_class(path: str, base: type, where: str) -> type[Any]:
    """Import the class that a file names and check that it derives from ``base``.

    A module that is not installed is looked for in the working folder.

    Raises:
        TagbenchError: No such module or class, or it does not derive from ``base``.
    """
    module_name, _, class_name = path.rpartition(".")
    try:
        module = _import_module(module_name)
    except (ImportError, ValueError) as error:
        raise TagbenchError(f"{where}: class: cannot import {path!r}: {error}.") from error
    cls = getattr(module, class_name, None)
    if cls is None:
        public = [name for name in vars(module) if not name.startswith("_")]
        raise unknown_name("class", class_name, public, f"{where}, module {module_name}")
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        raise TagbenchError(f"{where}: class: {path} is not a {base.__name__}.")
    return cls


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        here = str(Path.cwd())
        if error.name != name.partition(".")[0] or here in sys.path:
            raise
    # Last, so that no file there replaces a package. Processes that are started later inherit it.
    sys.path.append(here)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def declared_identity(cls: type, where: str) -> str:
    """Return the stable name of a class under which its results are stored.

    A subclass must declare its own name, because an inherited one would give two architectures the
    same id.

    Raises:
        TagbenchError: The class body declares none.
    """
    identity = vars(cls).get("identity")
    if not isinstance(identity, str) or not identity:
        raise TagbenchError(
            f"{where}: {cls.__name__} declares no identity of its own. Add a line such as "
            f'identity: ClassVar[str] = "{cls.__name__}" to the class; it names the results and '
            "must not change when the file moves."
        )
    return identity


def resolve_params(
    cls: type,
    base: type,
    params: Mapping[str, Any],
    where: str,
    skip: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Validate ``params`` against a constructor and fill in its defaults.

    The defaults are included, so that a changed default changes the identity.

    Args:
        cls: Class whose ``__init__`` declares the parameters with types.
        base: Base class whose parameters the runner sets.
        params: Parameters in the file.
        where: File, for errors.
        skip: Other arguments that the runner sets.
    """
    fields = {
        name: field for name, field in declared_parameters(cls, base).items() if name not in skip
    }
    schema = create_model(
        cls.__name__,
        __config__=ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True),
        **fields,
    )
    return parse(dict(params), schema, f"{where}: params").model_dump()


def declared_parameters(cls: type, base: type) -> dict[str, Any]:
    """Return type and default of each parameter that a class and its bases below ``base`` take."""
    fields: dict[str, Any] = {}
    for ancestor in cls.__mro__[: cls.__mro__.index(base)]:
        if "__init__" not in ancestor.__dict__:
            continue
        constructor = ancestor.__init__  # type: ignore[misc]
        hints = get_type_hints(constructor)
        for name, parameter in list(inspect.signature(constructor).parameters.items())[1:]:
            if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                default = ... if parameter.default is parameter.empty else parameter.default
                fields.setdefault(name, (hints.get(name, Any), default))
    return fields
