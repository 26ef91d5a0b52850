"""Training cells of a plan, with the trainings that they build on."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.augmentations.catalogue import resolve
from benchmark.config.datasets import ResolvedDataset
from benchmark.config.identity import Inputs, StageIdentity, TrainIdentity, cell_id
from benchmark.config.imported import ImportedModel
from benchmark.config.models import AnyModel, ResolvedModel
from benchmark.config.schema import Preset
from benchmark.config.stages import ResolvedStage
from benchmark.config.targets import resolve_target
from benchmark.config.trained_on import Augmented
from benchmark.config.variants import augmentation_label
from benchmark.store.cell_kinds import ImportCell, ModelCell, TrainCell
from benchmark.store.cells import Labels

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus
    from lightning_modules.training.recipe import Recipe


@dataclass(frozen=True)
class Source:
    """A dataset that a stage reads without its labels.

    Attributes:
        dataset: The dataset.
        corpus: The same, prepared.
    """

    dataset: ResolvedDataset
    corpus: Corpus

    def launch(self) -> dict[str, Any]:
        """Return what a process needs to open it."""
        return {"dataset_class": self.dataset.class_path, "dataset_params": self.dataset.params}

    def digests(self) -> dict[str, Any]:
        """Return what determines the audio that is read."""
        corpus = self.corpus
        return {
            "manifest": corpus.manifest_digest,
            "split": corpus.split_digest,
            "pool": corpus.pool,
            "sample_rate": corpus.sample_rate,
        }


class Trainings:
    """The training cells of one dataset; a model that several others build on has one cell.

    Args:
        dataset: Name of the dataset.
        labels: Makes the labels of a cell from the name of the model and the seed.
        launch: Class and parameters of the dataset.
        inputs: Digests of its corpus.
        preset: States the recipes of models whose files state none.
        device: Where models are trained.
        sources: Other datasets that stages read, by name.
        pool: Name of the unlabelled dataset that belongs to the dataset.
        corpus: The dataset, prepared; stages that learn targets beyond tags need it.

    Attributes:
        augmented: Facts on the trainings with augmentation, by the id of their cell.
    """

    def __init__(
        self,
        dataset: str,
        labels: Callable[[str, int], Labels],
        launch: Mapping[str, Any],
        inputs: Inputs,
        preset: Preset,
        device: str,
        sources: Mapping[str, Source],
        pool: str = "",
        corpus: Corpus | None = None,
    ) -> None:
        self._dataset = dataset
        self._labels = labels
        self._launch = launch
        self._inputs = inputs
        self._preset = preset
        self._device = device
        self._all_sources = sources
        self._pool = pool
        self._corpus = corpus
        self._cells: dict[tuple[str, int], TrainCell] = {}
        self._imported: dict[tuple[str, str], ImportCell] = {}
        self.augmented: dict[str, Augmented] = {}

    def cell_of(self, model: AnyModel, seed: int) -> ModelCell:
        """Return the cell whose result is a model."""
        if isinstance(model, ImportedModel):
            return self.imported(model)
        return self.cell(model, seed)

    def imported(self, model: ImportedModel) -> ImportCell:
        """Return the cell of an imported model, which is the same for all seeds."""
        cell = ImportCell(self._labels(model.name, 0), model.launch, model.identity)
        return self._imported.setdefault((cell.id, model.name), cell)

    def cell(self, model: ResolvedModel, seed: int) -> TrainCell:
        """Return the training of a model; those of its parents are added before it."""
        if (model.name, seed) not in self._cells:
            parents = {
                name: self.cell_of(parent, seed).id for name, parent in model.parents.items()
            }
            identity = TrainIdentity(
                architecture=model.architecture,
                inputs=self._inputs,
                recipe=science_of(model.recipe_in(self._preset), self._device),
                seed=seed,
                parents=parents,
                stage=self._stage_identity(model.stage),
            )
            cell = TrainCell(self._labels(model.name, seed), self._launch_of(model), identity)
            self._cells[model.name, seed] = cell
            if model.stage is not None and model.stage.augmentations:
                self.augmented[cell.id] = self._augmented(model.stage, identity)
        return self._cells[model.name, seed]

    def parents_of(self, cells: Container[ModelCell]) -> tuple[ModelCell, ...]:
        """Return the models that are not among ``cells``, each after those it depends on."""
        models: list[ModelCell] = [*self._imported.values(), *self._cells.values()]
        return tuple(dict.fromkeys(cell for cell in models if cell not in cells))

    def _augmented(self, stage: ResolvedStage, identity: TrainIdentity) -> Augmented:
        clean = identity.model_copy(update={"stage": self._stage_identity(stage.unaugmented())})
        names = stage.augmentations.values()
        families = frozenset().union(*(resolve(name).families for name in names))
        label = "+".join(dict.fromkeys(augmentation_label(name) for name in names))
        return Augmented(label, tuple(sorted(families)), cell_id(clean))

    def sources(self, stage: ResolvedStage) -> dict[str, Source]:
        """Return the other datasets that a stage reads, by its parameter."""
        names = stage.sources(self._dataset, self._pool)
        return {parameter: self._all_sources[name] for parameter, name in names.items()}

    def _stage_identity(self, stage: ResolvedStage | None) -> StageIdentity | None:
        if stage is None or (stage.is_default and not stage.cls.files(stage.params)):
            return None
        sources = {name: source.digests() for name, source in self.sources(stage).items()}
        chains = {name: resolve(chain).identity() for name, chain in stage.augmentations.items()}
        return stage.identity(sources, chains, self._target_identities(stage))

    def _target_identities(self, stage: ResolvedStage) -> dict[str, list[dict[str, Any]]]:
        """Return what determines the targets beyond tags that a stage learns, by parameter."""
        if not stage.targets:
            return {}
        if self._corpus is None:
            raise ValueError(f"{stage.class_path} learns targets of a corpus, and none is given.")
        return {
            parameter: [resolve_target(name).identity_in(self._corpus) for name in names]
            for parameter, names in stage.targets.items()
        }

    def _launch_of(self, model: ResolvedModel) -> dict[str, Any]:
        launch = {**self._launch, "model_class": model.class_path}
        if model.derived:
            launch["model_params"] = dict(model.derived)
        stage = model.stage
        if stage is not None:
            sources = {name: source.launch() for name, source in self.sources(stage).items()}
            launch["stage"] = {
                "class": stage.class_path, "params": dict(stage.params), "sources": sources
            }  # fmt: skip
        return launch


def inputs_of(corpus: Corpus) -> Inputs:
    """Return the digests through which a corpus enters an identity."""
    return Inputs(
        manifest=corpus.manifest_digest,
        split=corpus.split_digest,
        tags=corpus.tags_digest,
        task=corpus.task,  # type: ignore[arg-type]  # validated by Inputs itself
        sample_rate=corpus.sample_rate,
    )


def science_of(recipe: Recipe, device: str) -> dict[str, Any]:
    """Return a recipe as it enters an identity: as ``device`` can run it, without its name."""
    return effective_recipe(recipe, device).science()


def effective_recipe(recipe: Recipe, device: str) -> Recipe:
    """Return the recipe as ``device`` can run it.

    Where the device does not support bfloat16, training runs in float32, and the identity records
    float32.
    """
    if recipe.precision != "bf16" or supports_bf16(device):
        return recipe
    return recipe.model_copy(update={"precision": "32"})


def supports_bf16(device: str) -> bool:
    """Return whether a device computes in bfloat16 without emulation."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    supported: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return supported
