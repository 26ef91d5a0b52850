"""``tagbench run --dry-run``: the matrix, what is done, and an estimate of the rest."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmark.config.schema import BenchmarkFile
from benchmark.plan.build import build
from benchmark.plan.cost import Cost, cost_of, evaluation_seconds, speed, training_seconds
from benchmark.plan.matrix import Experiment, check
from benchmark.plan.models import AnyModel, vocabulary
from benchmark.run import executors
from benchmark.run.options import Options
from benchmark.run.runner import resolve_checkpoints, resolve_dataset, resolve_models
from benchmark.store.cells import Plan
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError
from datamodules.corpus.corpus import Corpus


def show(benchmark: BenchmarkFile, options: Options, console: Console) -> None:
    """Print the plan; nothing is prepared, trained or written.

    Args:
        benchmark: The matrix.
        options: As for a run.
        console: Where to print.
    """
    experiment = check(benchmark)
    models, imported = resolve_models(experiment), resolve_checkpoints(experiment)
    heard: list[AnyModel] = [*models, *imported]
    executor = executors.executor(options.executor)
    devices = options.devices or executor.available_devices()
    rate = speed(devices[0], executor.threads(len(devices)))
    store = Store(options.results)
    seconds = 0.0
    for name in experiment.datasets:
        dataset = resolve_dataset(experiment, name, options)
        module = dataset.module(options.data_root)
        try:
            corpus = module.corpus
        except TagbenchError:
            console.print(
                f"[bold]{name}[/] is not prepared yet: no counts, no estimate. "
                f"Prepare it with: tagbench prepare --dataset {name}"
            )
            console.print(_conditions(experiment, name))
            continue
        tags = vocabulary(name, corpus, models, imported)
        costs = {m.name: cost_of(m.cls, m.architecture, len(tags)) for m in heard}
        cells = build(experiment, dataset, corpus, models, imported)
        preset = experiment.presets[name][1]
        train_s = {
            n: training_seconds(c, preset.training(), corpus, rate) for n, c in costs.items()
        }
        eval_s = evaluation_seconds(costs, corpus, preset.windows.max_windows, rate)
        table = Table("model", "parameters", "GMAC/s of audio", "training", "evaluations", "left")
        table.title = _title(name, experiment, corpus)
        for model in heard:
            row, left = _row(model.name, costs[model.name], cells, store, train_s, eval_s)
            table.add_row(*row)
            seconds += left
        console.print(table)
        console.print(_conditions(experiment, name))
    console.print(
        f"{experiment.n_training} training cells, {experiment.n_evaluations} evaluation cells on "
        f"{', '.join(devices)}; roughly {_duration(seconds / len(devices))} left."
    )


def _row(
    name: str,
    cost: Cost,
    cells: Plan,
    store: Store,
    train_s: dict[str, float],
    eval_s: dict[str, float],
) -> tuple[list[str], float]:
    training = [cell for cell in cells.training if cell.labels["model"] == name]
    evaluations = [cell for cell in cells.evaluations if cell.labels["model"] == name]
    to_train = [cell for cell in training if store.state(cell.id) != "done"]
    to_evaluate = [cell for cell in evaluations if store.state(cell.id) != "done"]
    left = len(to_train) * train_s[name] + len(to_evaluate) * eval_s[name]
    row = [
        name,
        f"{cost.n_params:,}",
        f"{cost.macs_per_second_of_audio / 1e9:.3f}",
        f"{len(training) - len(to_train)}/{len(training)}",
        f"{len(evaluations) - len(to_evaluate)}/{len(evaluations)}",
        _duration(left),
    ]
    return row, left


def _title(name: str, experiment: Experiment, corpus: Corpus) -> str:
    counts = "/".join(str(len(corpus.rows(part))) for part in ("train", "valid", "test"))
    return f"{name}, preset {experiment.presets[name][0]}, {counts} tracks"


def _conditions(experiment: Experiment, name: str) -> str:
    conditions = experiment.conditions[name]
    return f"{len(conditions)} conditions: {', '.join(c.label for c in conditions)}"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return "under a minute" if seconds else "nothing"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
