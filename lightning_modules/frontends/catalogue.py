"""Look up a front end by its name, and build it from the options in a model's YAML."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from datamodules.common.errors import TagbenchError, unknown_name
from lightning_modules.frontends.base import HOP, N_FFT, FrontEnd

PACKAGE = "lightning_modules.frontends"

Options = str | Mapping[str, str | int | float | bool]
"""Name of a front end, or a mapping of ``name`` and the arguments of its class."""


def build(
    options: Options,
    *,
    sample_rate: int,
    bands: int,
    fits: range,
    n_fft: int = N_FFT,
    hop: int = HOP,
) -> FrontEnd:
    """Build the front end that a model's YAML selects.

    A YAML may choose another FFT size than the model's, but not another hop, which determines the
    number of frames.

    Args:
        options: Name, or mapping of ``name`` (``log_mel`` by default) and arguments of the class.
        sample_rate: Rate of the audio in Hz.
        bands: Rows of the map.
        fits: Numbers of rows that the layers after the front end accept.
        n_fft: Samples of a frame, for front ends that have frames of one length.
        hop: Samples from one frame to the next.

    Raises:
        TagbenchError: The name, an option or the number of bands is not valid.
    """
    if bands not in fits:
        raise TagbenchError(
            f"The layers of this model cannot take {bands} frequency bands: "
            f"expected from {fits.start} to {fits.stop - 1}."
        )
    arguments: dict[str, Any] = {"name": options} if isinstance(options, str) else dict(options)
    name = str(arguments.pop("name", "log_mel"))
    classes = front_ends()
    if name not in classes:
        raise unknown_name("front end", name, classes, "frontend.name")
    _check_arguments(name, classes[name], arguments)
    if "n_fft" in inspect.signature(classes[name]).parameters:
        arguments.setdefault("n_fft", n_fft)
    return classes[name](sample_rate=sample_rate, bands=bands, hop=hop, **arguments)


@cache
def front_ends() -> Mapping[str, type[FrontEnd]]:
    """Return the class of every front end by name: the subclasses defined in this folder's files.

    Raises:
        TagbenchError: Two classes have the same name.
    """
    package = importlib.import_module(PACKAGE)
    classes: dict[str, type[FrontEnd]] = {}
    for info in pkgutil.iter_modules(package.__path__, f"{PACKAGE}."):
        module = importlib.import_module(info.name)
        for cls in vars(module).values():
            if not (inspect.isclass(cls) and issubclass(cls, FrontEnd)):
                continue
            if cls.__module__ != info.name or "name" not in vars(cls):
                continue  # imported from another file, or an abstract class
            if cls.name in classes:
                other = classes[cls.name].__module__
                raise TagbenchError(
                    f"{cls.__module__} and {other} both define front end {cls.name!r}."
                )
            classes[cls.name] = cls
    return classes


def _check_arguments(name: str, cls: type[FrontEnd], arguments: Mapping[str, object]) -> None:
    """Raise a `TagbenchError` for an unknown option or a value of another type."""
    parameters = inspect.signature(cls, eval_str=True).parameters
    valid = set(parameters) - {"sample_rate", "bands", "hop"}
    for option, value in arguments.items():
        if option not in valid:
            raise unknown_name(f"option of front end {name!r}:", option, valid, "frontend")
        annotation = parameters[option].annotation
        try:
            TypeAdapter(annotation, config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError as error:
            raise TagbenchError(
                f"frontend.{option}: expected {getattr(annotation, '__name__', annotation)}, "
                f"got {value!r}."
            ) from error
