"""The graph of cells: trainings that build on trainings, failures that pass on, and resuming."""

from __future__ import annotations

import io
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from benchmark.config.schema import BenchmarkFile
from benchmark.plan import build as plan
from benchmark.plan import matrix
from benchmark.plan.jobs import Runtime, record_failure
from benchmark.run import preparation
from benchmark.run.executors import local
from benchmark.run.options import Options
from benchmark.run.pending import run_cells
from benchmark.run.schedule import Schedule, jobs_of
from benchmark.store.cell_kinds import TrainCell, evaluation_cells
from benchmark.store.cells import Cell
from benchmark.store.plans import Plan, planned_cells
from benchmark.store.store import Store
from benchmark.train.callbacks import BestAndLastCheckpoint, CheckpointFiles
from datamodules.common.errors import TagbenchError
from lightning_modules.training.recipes import get_recipe
from tests.support import music

PRESET = """
recipe: {name: tiny, epochs: 1, batch_size: 5, lr: 1e-3, schedule: one_cycle, valid_windows: 1}
perturbations: [white_noise]
severities: [3]
n_boot: 100
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """A folder with a prepared corpus, and the plan of a sound and a failing model on it."""
    root = tmp_path_factory.mktemp("graph")
    (root / "tiny.yaml").write_text(PRESET, encoding="utf-8")
    (root / "raises.yaml").write_text("class: tests.support.broken_models.Raises\n")
    experiment = matrix.check(
        BenchmarkFile(
            datasets=["folder"],
            models=["tag_prior", str(root / "raises.yaml")],
            preset=str(root / "tiny.yaml"),
        )
    )
    options = Options(root / "r", root / "data", {"data": str(music.folder(root / "m"))}, workers=0)
    dataset = preparation.resolve_dataset(experiment, "folder", options)
    corpus = preparation.prepare(dataset, options, Console(quiet=True))
    models = preparation.resolve_models(experiment)
    return root, plan.build(experiment, dataset, corpus, models)


def student(teacher: Cell, name: str, plan: Plan) -> TrainCell:
    """Return a training that builds on another one."""
    model = next(c for c in plan.training if c.labels.model == "tag_prior")
    assert isinstance(model, TrainCell)
    identity = model.identity.model_copy(update={"parents": {"teacher": teacher.id}})
    return TrainCell(replace(model.labels, model=name), model.launch, identity)


def run(cells: list[Cell], root: Path, results: str) -> tuple[Store, str]:
    store, out = Store(root / results), io.StringIO()
    runtime = Runtime(str(store.results), str(root / "data"))
    console = Console(file=out, width=400)
    run_cells({c.id: c for c in cells}, {}, store, runtime, ["cpu"], local, console)
    return store, out.getvalue()


def test_a_training_follows_the_one_it_builds_on(base: tuple[Path, Plan]) -> None:
    root, plan = base
    teacher, broken = plan.training
    good, lost = student(teacher, "student", plan), student(broken, "lost", plan)
    assert good.id != teacher.id
    settings = [plan.evaluations[0].setting]
    evaluations = evaluation_cells([good, lost], settings, plan.evaluations[0].launch)
    # Dependants first: the order comes from the graph.
    cells: list[Cell] = [*evaluations, lost, good, broken, teacher]
    store, text = run(cells, root, "results")
    states = {cell: store.state(cell.id) for cell in cells}
    assert states[teacher] == states[good] == states[evaluations[0]] == "done"
    assert states[broken] == states[lost] == "failed"
    assert states[evaluations[1]] == "pending"  # its model's row says why
    failure = store.failure(lost.id)
    assert failure is not None
    assert f"folder raises seed 0 (cell {broken.id}), which failed" in failure["message"]
    assert text.index("done folder tag_prior") < text.index("done folder student seed 0\n")
    assert text.count("failed folder lost") == 1
    # A kill between the two leaves the teacher, which is not trained again.
    (store.folder(good.id) / "metrics.json").unlink()
    trained = (store.folder(teacher.id) / "metrics.json").stat().st_mtime_ns
    _, text = run([teacher, good], root, "results")
    assert "2 cells, 1 done, 1 to do" in text
    assert (store.folder(teacher.id) / "metrics.json").stat().st_mtime_ns == trained
    assert store.state(good.id) == "done"


def test_a_condition_waits_for_all_its_models(base: tuple[Path, Plan]) -> None:
    _, plan = base
    teacher, _ = plan.training
    good = student(teacher, "student", plan)
    settings = [cell.setting for cell in plan.evaluations[:2]]
    evaluations = evaluation_cells([teacher, good], settings, {})
    schedule = Schedule([teacher, good, *evaluations], done=())
    assert schedule.ready_cells() == [teacher]
    schedule.finish(teacher.id)
    assert schedule.ready_cells() == [good]
    schedule.finish(good.id)
    jobs = jobs_of(schedule.ready_cells(), {}, n_devices=2)
    conditions = [[cell.title.split()[-1] for cell in job.cells] for job in jobs]
    assert conditions == [["clean", "clean"], ["white_noise:3", "white_noise:3"]]


def test_a_plan_is_read_as_it_was_written(base: tuple[Path, Plan], tmp_path: Path) -> None:
    plan = base[1]
    teacher, _ = plan.training
    plan = replace(plan, parents=(student(teacher, "student", plan),))
    assert list(planned_cells(plan.to_json())) == list(plan.cells)
    store = Store(tmp_path / "results")
    store.register_plan(plan)
    assert not store.cells.exists()
    for cell in plan.cells:
        assert store.read(cell.id) == cell.to_json()


def test_a_full_disk_ends_the_run_and_leaves_no_partial_file(
    base: tuple[Path, Plan], tmp_path: Path
) -> None:
    store, cell = Store(tmp_path), base[1].training[0]
    trainer: Any = SimpleNamespace(
        is_global_zero=True,
        save_checkpoint=lambda path: CheckpointFiles().save_checkpoint(
            {"weights": torch.zeros(100_000)}, path
        ),
    )

    def execute(jobs: Any, *_: object) -> Iterator[tuple[Any, Any]]:
        events: list[Any] = []
        store.register(cell)
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, usual[1]))
        try:
            BestAndLastCheckpoint(store.folder(cell.id), get_recipe("quick")).save(trainer, "best")
        except OSError as error:
            record_failure(store, cell.id, cell.kind, error, events.append)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        yield from ((jobs[0], event) for event in events)

    executor: Any = SimpleNamespace(execute=execute)
    runtime, console = Runtime(str(tmp_path), ""), Console(quiet=True)
    with pytest.raises(
        TagbenchError, match=r"best\.part: File too large\. Free some space"
    ) as error:
        run_cells({cell.id: cell}, {}, store, runtime, ["cpu"], executor, console)
    assert str(store.folder(cell.id)) in str(error.value)
    assert [path.name for path in store.folder(cell.id).iterdir()] == ["cell.json"]
