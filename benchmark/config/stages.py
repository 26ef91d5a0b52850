"""The stage of a model file, with its class imported and its parameters complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from benchmark.config.classes import (
    declared_identity,
    declared_parameters,
    import_class,
    resolve_params,
)
from benchmark.config.identity import StageIdentity
from benchmark.config.schema import StageFile
from benchmark.config.variants import PARAMETER
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from lightning_modules.base import TaggingModule
    from lightning_modules.stages.base import Stage


POOL = "pool"
"""Value of a parameter that names a dataset: the ``pool`` of the file of the labelled dataset."""


@dataclass(frozen=True)
class ResolvedStage:
    """A way of training with its class imported and its parameters complete.

    Attributes:
        class_path: Import path of the class.
        cls: The class.
        params: All parameters, by name.
        is_default: Whether it is the default stage of the architecture, with default parameters.
        defaults: Parameters of the default stage; None if the class is another one.
    """

    class_path: str
    cls: type[Stage]
    params: Mapping[str, Any]
    is_default: bool
    defaults: Mapping[str, Any] | None = field(default=None)

    @classmethod
    def of(cls, model_class: type[TaggingModule], file: StageFile, where: str) -> ResolvedStage:
        """Import and check the class that a model file names.

        Args:
            model_class: The architecture.
            file: ``stage`` of the model file.
            where: The model file, for errors.
        """
        from lightning_modules.stages.base import Stage

        where = f"{where}, stage"
        path = file.class_path or model_class.default_stage
        stage_class = import_class(path, Stage, where)
        if PARAMETER in file.params and PARAMETER not in stage_class.augmentations:
            raise TagbenchError(
                f"{where}: the stage {stage_class.__name__} ({stage_class.title}) trains without "
                f"augmentation. Name the model without +AUGMENTATION, or remove {PARAMETER!r} from "
                "the params of its stage."
            )
        params = resolve_params(stage_class, Stage, file.params, where, skip=frozenset({"parents"}))
        needed, given = set(stage_class.parent_names), set(file.parents)
        if needed != given:
            raise TagbenchError(
                f"{where}: parents: {stage_class.__name__} needs "
                f"{', '.join(sorted(needed)) or 'none'}, found {', '.join(sorted(given)) or 'none'}"
                ". Name a model for each: parents: {"
                f"{', '.join(f'{name}: MODEL' for name in sorted(needed))}"
                "}."
            )
        defaults = (
            resolve_params(stage_class, Stage, {}, where, frozenset({"parents"}))
            if (path == model_class.default_stage)
            else None
        )
        return cls(path, stage_class, params, params == defaults, defaults)

    def sources(self, dataset: str, pool: str) -> dict[str, str]:
        """Return the names of the datasets that are read beside the labelled one, by parameter.

        Args:
            dataset: Name of the labelled dataset.
            pool: ``pool`` of its file.

        Raises:
            TagbenchError: The stage reads the pool of a dataset that has none.
        """
        names = {name: self.params[name] for name in self.cls.sources if self.params[name]}
        if POOL in names.values() and not pool:
            raise TagbenchError(
                f"The dataset {dataset!r} has no pool of unlabelled audio for the stage "
                f"{self.cls.__name__}. Name a dataset: pool: DATASET in a dataset YAML, or "
                f"{next(n for n, v in names.items() if v == POOL)}: DATASET in the params of the "
                "stage."
            )
        return {name: pool if value == POOL else value for name, value in names.items()}

    @property
    def augmentations(self) -> dict[str, str]:
        """Names of the augmentations, by parameter."""
        return {name: self.params[name] for name in self.cls.augmentations if self.params[name]}

    @property
    def targets(self) -> dict[str, tuple[str, ...]]:
        """Names of the target sources, by parameter."""
        return {name: tuple(self.params[name]) for name in self.cls.targets if self.params[name]}

    def unaugmented(self) -> ResolvedStage:
        """Return the same way of training without augmentations."""
        params = {**self.params, **dict.fromkeys(self.cls.augmentations)}
        return replace(self, params=params, is_default=params == self.defaults)

    def identity(
        self,
        sources: Mapping[str, Mapping[str, Any]],
        augmentations: Mapping[str, Mapping[str, Any]],
        targets: Mapping[str, Sequence[Mapping[str, Any]]] = MappingProxyType({}),
    ) -> StageIdentity:
        """Return what determines the training.

        Args:
            sources: Digests of the datasets that it reads beside the labelled one, by parameter.
            augmentations: Identities of the augmentations, by parameter.
            targets: Identities of the target sources in the labelled dataset, by parameter.
        """
        from lightning_modules.stages.base import Stage

        files = self.cls.files(self.params)
        omitted = {*self.cls.sources, *self.cls.augmentations, *self.cls.targets, *files}
        declared = declared_parameters(self.cls, Stage)  # type and default
        omitted |= {name for name in self.cls.added if self.params[name] == declared[name][1]}
        return StageIdentity(
            identity=declared_identity(self.cls, f"stage {self.class_path}"),
            revision=self.cls.revision,
            params={name: value for name, value in self.params.items() if name not in omitted},
            sources={name: dict(digests) for name, digests in sources.items()},
            augmentations={name: dict(chain) for name, chain in augmentations.items()},
            targets={name: [dict(one) for one in several] for name, several in targets.items()},
            files={name: dict(digests) for name, digests in files.items()},
        )
