"""Schemas of the YAML files under ``experiments/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from benchmark.config.variant_text import expanded
from datamodules.common.errors import unknown_name
from datamodules.loaders.windowing import PROTOCOLS, Windowing
from lightning_modules.training.recipe import Recipe
from lightning_modules.training.recipes import get_recipe

DEFAULT_BENCHMARK = "default"
"""Matrix that is run if neither a matrix nor a dataset is named."""

ROBUSTNESS = "robustness"
"""The same for pretrained models."""


class Strict(BaseModel):
    """Base class of the schemas: unknown keys and type conversions are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class StageFile(Strict):
    """``stage`` in a model's file: how the model is trained.

    Attributes:
        class_path: Import path of the class; by default that of the architecture.
        params: Its parameters.
        parents: Models that it builds on, by the names that the class expects: model files, or
            folders of imported checkpoints.
    """

    class_path: str = Field(default="", alias="class")
    params: dict[str, Any] = {}
    parents: dict[str, str] = {}


class ModelFile(Strict):
    """``experiments/models/<name>.yaml``: one architecture and how it is trained.

    Attributes:
        class_path: Import path of the architecture.
        params: Its parameters.
        title: Name shown in tables; by default that of the class.
        recipe: Recipe, or the name of one; by default that of the preset.
        stage: Way of training; by default that of the architecture.
    """

    class_path: str = Field(alias="class")
    params: dict[str, Any] = {}
    title: str = ""
    recipe: str | Recipe | None = None
    stage: StageFile | None = None

    _name: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """Name of the file, also for a variant of it; empty for a file that is not named."""
        return self._name

    def named(self, name: str) -> Self:
        """Return the same content as that of the file with this name."""
        copy = self.model_copy()
        copy._name = name
        return copy

    def training(self) -> Recipe | None:
        """Return the recipe, which is given in full or by the name of a shipped one."""
        return get_recipe(self.recipe) if isinstance(self.recipe, str) else self.recipe


class DatasetFile(Strict):
    """``experiments/datasets/<name>.yaml``: one dataset with its parameters.

    Attributes:
        class_path: Import path of the data module.
        params: Its parameters.
        title: Name shown in lists.
        preset: Default preset.
        pool: Dataset of unlabelled audio for stages whose parameter is ``pool``.
        benchmark: Matrix that is run if only this dataset is named; by default ``default``.
        published_as: Dataset of the same tracks whose published scores a report shows; by default
            this one.
    """

    class_path: str = Field(alias="class")
    params: dict[str, Any] = {}
    title: str = ""
    preset: str = "standard"
    pool: str = ""
    benchmark: str = DEFAULT_BENCHMARK
    published_as: str = ""


class WindowsSpec(Strict):
    """Windows at evaluation; see :class:`datamodules.loaders.windowing.Windowing`."""

    protocol: str = "tiled"
    max_windows: int | None = None

    def build(self, where: str = "windows.protocol") -> Windowing:
        """Return the windowing; raise a TagbenchError for an unknown protocol.

        Args:
            where: Key or option that holds the protocol, for the message.
        """
        if self.protocol not in PROTOCOLS:
            raise unknown_name("window protocol", self.protocol, PROTOCOLS, where)
        return Windowing(protocol=self.protocol, max_windows=self.max_windows)  # type: ignore[arg-type]


def _chain(item: object) -> object:
    """Convert a chain that is given as a mapping to its text form; return other values unchanged.

    ``{name: phone, chain: [compression:3, white_noise:2]}`` becomes
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
"""Argument of :func:`benchmark.perturbations.resolve`; a chain may also be a mapping."""


class Preset(Strict):
    """``experiments/presets/<name>.yaml``: training budget and evaluation protocol.

    Attributes:
        recipe: Recipe of the models whose files state none, or its name.
        stage_recipes: Recipes in place of ``recipe`` for stages, by the import path of the class.
        model_recipes: Recipes in place of these for models, by the name of the file. They hold for
            variants of the file too.
        windows: Windows of a track in evaluation.
        perturbations: Conditions of the test set.
        severities: Levels of the perturbations of the suite.
        perturbation_seed: Seed of the perturbations.
        baseline: Model that the others are compared with.
        n_boot: Bootstrap replicates.
        cluster: Unit of resampling; see :meth:`datamodules.corpus.corpus.Corpus.clusters`.
        metrics: Metrics beside those that every leaderboard has, see ``benchmark.score.metrics``.
    """

    recipe: str | Recipe
    stage_recipes: dict[str, str | Recipe] = {}
    model_recipes: dict[str, str | Recipe] = {}
    windows: WindowsSpec = WindowsSpec()
    perturbations: list[Selection] = ["all"]
    severities: list[int] = [1, 2, 3, 4, 5]
    perturbation_seed: int = 0
    baseline: str = "fcn"
    n_boot: int = Field(default=1000, ge=100)
    cluster: Literal["artist", "song", "track"] = "artist"
    metrics: list[str] = []

    def training(self, stage: str = "", model: str = "") -> Recipe:
        """Return the recipe, which is given in full or by the name of a shipped one.

        Args:
            stage: Import path of the class of a stage.
            model: Name of the file of a model.
        """
        recipe = self.model_recipes.get(model) or self.stage_recipes.get(stage, self.recipe)
        return get_recipe(recipe) if isinstance(recipe, str) else recipe


class BenchmarkFile(Strict):
    """``experiments/benchmarks/<name>.yaml``: a matrix, as the options of ``run`` define it.

    Attributes:
        datasets: Names or paths of dataset files.
        models: Arguments of :func:`benchmark.config.variants.load_model`. A variant may also be a
            mapping, which can stand for several, see `benchmark.config.variant_text.expanded`.
        checkpoints: Folders of imported models.
        tag_aliases: Tables of tags that mean the same, beside the reviewed one; see
            `datamodules.labels.tag_matching`.
        seeds: Seeds of the trainings.
        perturbations: Conditions; by default those of the preset.
        preset: Preset; by default that of each dataset.
    """

    datasets: list[str] = Field(min_length=1)
    models: Annotated[list[str], BeforeValidator(expanded)] = []
    checkpoints: list[str] = []
    tag_aliases: list[str] = []
    seeds: list[int] = Field(default=[0], min_length=1)
    perturbations: list[Selection] | None = None
    preset: str | None = None
