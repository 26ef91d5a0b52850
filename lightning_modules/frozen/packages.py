"""Packages that only some encoders need."""

from __future__ import annotations

import importlib
from types import ModuleType

from datamodules.common.errors import TagbenchError


def package(name: str, install: str) -> ModuleType:
    """Import a package.

    Args:
        name: Import path.
        install: Command that installs it.

    Raises:
        TagbenchError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise TagbenchError(
            f"This encoder needs the package {name}: {install} ({error})."
        ) from error
