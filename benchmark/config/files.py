"""Experiment files: strict YAML in, validated objects out; errors name file, key and remedy."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from datamodules.common.errors import TagbenchError, unknown_name
from datamodules.loaders.windowing import Windowing
from lightning_modules.training.recipe import Recipe, get_recipe

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """Base of every experiment file: no unknown key, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class ModelFile(Strict):
    """``experiments/models/<name>.yaml``: one architecture with its parameters."""

    class_path: str = Field(alias="class")
    params: dict[str, Any] = {}
    title: str = ""


class DatasetFile(Strict):
    """``experiments/datasets/<name>.yaml``: one dataset with its parameters."""

    class_path: str = Field(alias="class")
    params: dict[str, Any] = {}
    title: str = ""
    preset: str = "standard"


class WindowsSpec(Strict):
    """How a track is cut at evaluation; see :class:`datamodules.loaders.windowing.Windowing`."""

    protocol: str = "tiled"
    max_windows: int | None = None

    def build(self) -> Windowing:
        """Return the windowing, with a clear error for an unknown protocol."""
        valid = ("tiled", "won2020")
        if self.protocol not in valid:
            raise unknown_name("window protocol", self.protocol, valid, "windows.protocol")
        return Windowing(protocol=self.protocol, max_windows=self.max_windows)  # type: ignore[arg-type]


def _chain(item: object) -> object:
    """Return a selection as it is, and a chain that a mapping spells out as the command line does.

    ``{name: phone, chain: [compression:3, white_noise:2]}`` is
    ``phone=compression:3>white_noise:2``.
    """
    if not isinstance(item, Mapping):
        return item
    links, named = item.get("chain"), [item["name"]] if "name" in item else []
    if (
        not set(item) <= {"name", "chain"}
        or not isinstance(links, list)
        or not all(isinstance(text, str) for text in (*named, *links))
    ):
        raise ValueError("a chain is {name: phone, chain: [compression:3, white_noise:2]}")
    return "=".join([*named, ">".join(links)])


Selection = Annotated[str, BeforeValidator(_chain)]
"""What :func:`benchmark.perturbations.resolve` takes; a chain may also be a mapping."""


class Preset(Strict):
    """``experiments/presets/<name>.yaml``: budget of training and protocol of evaluation."""

    recipe: str | Recipe
    windows: WindowsSpec = WindowsSpec()
    perturbations: list[Selection] = ["all"]
    severities: list[int] = [1, 2, 3, 4, 5]
    perturbation_seed: int = 0
    baseline: str = "fcn"
    n_boot: int = Field(default=1000, ge=100)
    cluster: Literal["artist", "song", "track"] = "artist"
    """What the bootstrap draws whole: an artist where known, else a song; a song; a track."""

    def training(self) -> Recipe:
        """Return the recipe: the one written out here, or the shipped one of that name."""
        return get_recipe(self.recipe) if isinstance(self.recipe, str) else self.recipe


class BenchmarkFile(Strict):
    """``experiments/benchmarks/<name>.yaml``: the matrix; the flags of ``run`` build the same."""

    datasets: list[str] = Field(min_length=1)
    models: list[str] = []
    checkpoints: list[str] = []
    seeds: list[int] = Field(default=[0], min_length=1)
    perturbations: list[Selection] | None = None
    preset: str | None = None


def names(kind: str) -> list[str]:
    """Return the names of all experiment files of a kind (``"models"``, ``"datasets"``, ...)."""
    return sorted(path.stem for path in (EXPERIMENTS / kind).glob("*.yaml"))


def find(kind: str, name: str) -> Path:
    """Return the file that ``name`` stands for: a shipped name, or a path to a YAML of one's own.

    Raises:
        TagbenchError: There is no such file; the message gives the nearest name.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if path.is_file():
            return path
        raise TagbenchError(f"Cannot read {kind[:-1]} file {name!r}: no such file.")
    path = EXPERIMENTS / kind / f"{name}.yaml"
    if not path.is_file() or Path(name).name != name:
        raise unknown_name(kind[:-1], name, names(kind))
    return path


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
    """Validate plain data against a schema; errors name ``where`` and the dotted key."""
    if not isinstance(data, Mapping):
        raise TagbenchError(f"{where}: expected a mapping of keys, got {data!r}.")
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        raise TagbenchError(_explain(error, schema, where)) from error


def _explain(error: ValidationError, schema: type[BaseModel], where: str) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            valid = _keys_at(schema, item["loc"][:-1])
            near = difflib.get_close_matches(str(item["loc"][-1]), valid, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            lines.append(f"{where}: unknown key {key!r}.{hint} Valid: {', '.join(valid)}.")
        elif item["type"] == "missing":
            lines.append(f"{where}: missing key {key!r}.")
        else:
            lines.append(f"{where}: {key}: {item['msg']}, got {item['input']!r}.")
    return "\n".join(lines)


def _keys_at(schema: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Return the keys that are valid at a place, following nested models."""
    for part in location:
        field = schema.model_fields.get(str(part))
        if field is None or not (
            inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)
        ):
            return []
        schema = field.annotation
    return sorted(field.alias or name for name, field in schema.model_fields.items())


def import_class(path: str, base: type, where: str) -> type[Any]:
    """Import the class that a file names and check that it is what it should be.

    Raises:
        TagbenchError: No such module or class, or it does not derive from ``base``.
    """
    module_name, _, class_name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError) as error:
        raise TagbenchError(f"{where}: class: cannot import {path!r}: {error}.") from error
    found = getattr(module, class_name, None)
    if found is None:
        public = [name for name in vars(module) if not name.startswith("_")]
        raise unknown_name("class", class_name, public, f"{where}, module {module_name}")
    if not (inspect.isclass(found) and issubclass(found, base)):
        raise TagbenchError(f"{where}: class: {path} is not a {base.__name__}.")
    return found


def declared_identity(cls: type, where: str) -> str:
    """Return the stable name of a class under which its results are stored.

    A subclass must declare its own: an inherited one would store two architectures under one id.

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

    Filling in the defaults makes a changed default a changed identity.

    Args:
        cls: Class whose ``__init__`` declares the parameters with types.
        base: Class above it whose parameters the runner sets.
        params: What the file gives.
        where: File, for errors.
        skip: More arguments that the runner sets.
    """
    fields = {name: field for name, field in declared(cls, base).items() if name not in skip}
    schema = create_model(
        cls.__name__, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields
    )
    return parse(dict(params), schema, f"{where}: params").model_dump()


def declared(cls: type, base: type) -> dict[str, Any]:
    """Return type and default of each parameter that a class and its bases below ``base`` take."""
    fields: dict[str, Any] = {}
    for owner in cls.__mro__[: cls.__mro__.index(base)]:
        if "__init__" not in owner.__dict__:
            continue
        constructor = owner.__init__  # type: ignore[misc]
        hints = get_type_hints(constructor)
        for name, parameter in list(inspect.signature(constructor).parameters.items())[1:]:
            if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                default = ... if parameter.default is parameter.empty else parameter.default
                fields.setdefault(name, (hints.get(name, Any), default))
    return fields
