"""A model file with its class imported and its parameters complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.config.classes import declared_identity, import_class, resolve_params
from benchmark.config.identity import Architecture
from benchmark.config.schema import ModelFile

if TYPE_CHECKING:
    from lightning_modules.base import TaggingModule


@dataclass(frozen=True)
class ResolvedModel:
    """An architecture with its class imported, its parameters complete and its cost known."""

    name: str
    class_path: str
    cls: type[TaggingModule]
    architecture: Architecture

    @classmethod
    def of(cls, name: str, file: ModelFile) -> ResolvedModel:
        """Import and check the class that a model file names."""
        from lightning_modules.base import TaggingModule

        where = f"model {name!r}"
        model_class = import_class(file.class_path, TaggingModule, where)
        params = resolve_params(
            model_class, TaggingModule, file.params, where, skip=frozenset({"n_tags"})
        )
        spec = model_class.input_spec(**params)
        architecture = Architecture(
            identity=declared_identity(model_class, where),
            revision=model_class.revision,
            params=params,
            sample_rate=spec.sample_rate,
            window=spec.window,
        )
        return cls(name, file.class_path, model_class, architecture)
