"""A model file with its classes imported and its parameters complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.card import CARD, read_card
from benchmark.config.classes import (
    declared_identity,
    declared_parameters,
    import_class,
    resolve_params,
)
from benchmark.config.identity import Architecture
from benchmark.config.imported import ImportedModel
from benchmark.config.schema import ModelFile, Preset, StageFile
from benchmark.config.stages import ResolvedStage
from benchmark.config.variants import load_model
from benchmark.experiment_files import find, load, names
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from lightning_modules.base import TaggingModule
    from lightning_modules.inputs import InputSpec
    from lightning_modules.training.recipe import Recipe


def network_names() -> list[str]:
    """Return the names of the model files that describe networks.

    The others describe ways of training a network of another file.
    """
    return [name for name in names("models") if load(find("models", name), ModelFile).stage is None]


@dataclass(frozen=True)
class ResolvedModel:
    """A model to train: its classes are imported, and its parameters complete.

    Attributes:
        name: Name of the model file.
        class_path: Import path of the architecture.
        cls: The architecture.
        architecture: Its part of the identity of a training.
        derived: Arguments of the constructor that describe a parent or determine the view. They
            are not part of ``architecture``, because the id of the parent or the identity of the
            view stands for them.
        stage: How it is trained; None for the default.
        recipe: Recipe of the file; None for that of the preset.
        parents: Models that it builds on, to train or imported, by the names that the stage
            expects.
        file: Name of the file; that of a variant is the one that it varies.
    """

    name: str
    class_path: str
    cls: type[TaggingModule]
    architecture: Architecture
    derived: Mapping[str, Any] = field(default_factory=dict)
    stage: ResolvedStage | None = None
    recipe: Recipe | None = None
    parents: Mapping[str, AnyModel] = field(default_factory=dict)
    file: str = ""

    @classmethod
    def named(cls, name: str, children: tuple[str, ...] = ()) -> ResolvedModel:
        """Read and resolve a model file.

        Args:
            name: Name or path of the file, or a variant of it, see `load_model`.
            children: Models that build on this one, to find circles.
        """
        return cls.of(*load_model(name), children)

    @classmethod
    def of(cls, name: str, file: ModelFile, children: tuple[str, ...] = ()) -> ResolvedModel:
        """Import and check the classes that a model file names, and those of its parents."""
        from lightning_modules.base import TaggingModule

        where = f"model {name!r}"
        if name in children:
            circle = " -> ".join((*children, name))
            raise TagbenchError(f"{where}: parents: the models depend on each other: {circle}.")
        model_class = import_class(file.class_path, TaggingModule, where)
        stage_file = file.stage or StageFile()
        parents = {
            parent: _parent(path, (*children, name)) for parent, path in stage_file.parents.items()
        }
        stage = ResolvedStage.of(model_class, stage_file, where)
        derived = {
            argument: parents[argument].description
            for argument in model_class.built_on
            if argument in parents
        }
        skipped = frozenset({"n_tags", *model_class.built_on})
        params = resolve_params(model_class, TaggingModule, file.params, where, skip=skipped)
        derived |= {argument: params.pop(argument) for argument in model_class.through_view}
        declared = declared_parameters(model_class, TaggingModule) if model_class.added else {}
        params = {
            name: value
            for name, value in params.items()
            if name not in model_class.added or value != declared[name][1]
        }
        spec = model_class.input_spec(**params, **derived)
        architecture = Architecture(
            identity=declared_identity(model_class, where),
            revision=model_class.revision,
            params=params,
            sample_rate=spec.sample_rate,
            window=spec.window,
            view={} if spec.view is None else spec.view.identity(),
        )
        return cls(
            name,
            file.class_path,
            model_class,
            architecture,
            derived,
            stage,
            file.training(),
            parents,
            file.name,
        )

    @property
    def description(self) -> dict[str, Any]:
        """Import path and parameters, from which the model can be built as part of another one."""
        params = {**self.architecture.params, **self.derived}
        return {"class_path": self.class_path, "params": params}

    @property
    def input_spec(self) -> InputSpec:
        """What the model sees of a track."""
        return self.cls.input_spec(**self.architecture.params, **self.derived)

    @property
    def learns(self) -> bool:
        """Whether the model is trained with gradients."""
        from lightning_modules.stages.base import GradientStage

        return self.stage is not None and issubclass(self.stage.cls, GradientStage)

    def recipe_in(self, preset: Preset) -> Recipe:
        """Return its recipe: that of its file, else that of the preset for it or for its stage."""
        stage = self.stage.class_path if self.stage else ""
        return self.recipe or preset.training(stage, self.file)

    @property
    def lineage(self) -> dict[str, ResolvedModel]:
        """This model and all models to train that it builds on, by name, parents first."""
        models: dict[str, ResolvedModel] = {}
        for parent in self.parents.values():
            if isinstance(parent, ResolvedModel):
                models |= parent.lineage
        return models | {self.name: self}

    def build(self, n_tags: int, seed: int = 0) -> TaggingModule:
        """Build the module with initial weights of ``seed``."""
        return self.cls.build(seed=seed, n_tags=n_tags, **self.architecture.params, **self.derived)


AnyModel = ResolvedModel | ImportedModel
"""A model to train, or an imported one."""


def _parent(name: str, children: tuple[str, ...]) -> AnyModel:
    """Return the model that ``parents`` names: a model file, or the folder of a checkpoint."""
    folder = Path(name)
    if folder.is_dir():
        if not (folder / CARD).is_file():
            raise TagbenchError(
                f"model {children[-1]!r}: parents: the directory {name} has no {CARD}. Expected a "
                "model file, or a folder that this command has written: tagbench import-checkpoint"
            )
        return ImportedModel.of(folder.resolve().name, folder, read_card(folder))
    if folder.name != name and not name.endswith((".yaml", ".yml")):
        raise TagbenchError(
            f"model {children[-1]!r}: parents: there is no folder {name} here. Write it with "
            "tagbench import-checkpoint or, if it is a pretrained tagger, with tagbench pretrained."
        )
    return ResolvedModel.named(name, children)
