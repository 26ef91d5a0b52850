"""Check that stages can use their recipes and parents, before the first training starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmark.config.imported import ImportedModel
from benchmark.config.models import ResolvedModel
from benchmark.plan.matrix import Experiment
from benchmark.plan.trainings import Trainings
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from datamodules.corpus.corpus import Corpus
    from lightning_modules.stages.base import GradientStage


def check_training(
    model: ResolvedModel,
    experiment: Experiment,
    dataset: str,
    corpus: Corpus,
    trainings: Trainings,
    processes: int,
) -> None:
    """Check the imported parents, the schedule and the batch size of a training.

    Args:
        model: The model; one that is trained without gradients uses no recipe.
        experiment: Its preset states the recipe if the file of the model has none.
        dataset: Name of the labelled dataset.
        corpus: Labelled corpus.
        trainings: Knows the other datasets that the stage reads.
        processes: Number of processes that train the model together.

    Raises:
        TagbenchError: The parents or the recipe cannot be used.
    """
    from lightning_modules.stages.base import GradientStage

    if model.stage is None:
        return
    _check_outputs(model, model.stage.cls.same_outputs, dataset, corpus)
    if not issubclass(model.stage.cls, GradientStage):
        return
    preset_name, preset = experiment.presets[dataset]
    stage, where = model.stage.cls, f"the recipe of {model.name!r}"
    if model.recipe is None:
        where = f"the recipe of the preset {preset_name!r} for the stage {stage.__name__}"
    recipe, sources = model.recipe_in(preset), trainings.sources(model.stage)
    if recipe.schedule in ("plateau", "newbob") and not stage.validates:
        raise TagbenchError(
            f"{model.name}: the schedule {recipe.schedule} follows {recipe.monitor}, but the stage "
            f"{stage.__name__} has no validation. Set another schedule, such as constant or "
            f"cosine, in {where}."
        )

    def n_tracks(source: str | None) -> int:
        read = corpus if source is None else sources[source].corpus
        return len(read.rows("train" if source is None else read.pool))

    limit = stage.track_limit(model.stage.params, n_tracks)
    _check_batch(model.name, stage, recipe.batch_size, limit, processes, where)


def _check_outputs(
    model: ResolvedModel, roles: Sequence[str], dataset: str, corpus: Corpus
) -> None:
    """Check that imported models whose outputs a stage uses predict the tags of a corpus."""
    for role in roles:
        parent = model.parents[role]
        if not isinstance(parent, ImportedModel):
            continue
        found = (parent.identity.task, tuple(parent.identity.tags))
        if found != (corpus.task, corpus.tags):
            raise TagbenchError(
                f"{model.name}: parents: {role}: the checkpoint {parent.folder} predicts "
                f"{len(found[1])} tags ({found[0]}), expected the {len(corpus.tags)} tags of "
                f"{dataset!r} ({corpus.task}) in their order. Train a {role} on the dataset, or "
                "use the checkpoint as the encoder of a probe, which may predict any tags."
            )


def _check_batch(
    name: str,
    stage: type[GradientStage],
    batch_size: int,
    limit: int | None,
    processes: int,
    where: str,
) -> None:
    size = batch_size if limit is None else min(batch_size, limit)
    multiple = stage.batch_parts * processes
    if size % multiple == 0:
        return
    shares = [f"{stage.batch_parts} parts (stage {stage.__name__})"] * (stage.batch_parts > 1)
    shares += [f"{processes} processes"] * (processes > 1)
    limited = f", limited by the {limit} training tracks," if size < batch_size else ""
    most = f" and at most {limit}" if size < batch_size else ""
    other = ", or use another --devices-per-cell" if processes > 1 else ""
    raise TagbenchError(
        f"{name}: its batch of {size} tracks{limited} cannot be divided evenly among "
        f"{' times '.join(shares)}. Set batch_size in {where} to a multiple of {multiple}"
        f"{most}{other}."
    )
