"""A sweep of a teacher and its students: trained once, in order, and equal after kills."""

from __future__ import annotations

import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import soundfile
import torch

from benchmark.store.files import read_json
from benchmark.store.store import Store
from datamodules.common.seeding import rng_for
from tests.support import music, warm_process
from tests.support.bench import Bench

MUSICNN = "class: lightning_modules.architectures.musicnn.Musicnn\n"
STUDENT = """stage:
  class: lightning_modules.stages.noisy_student.NoisyStudent
  params: {{unlabelled: {pool}, augment: family:white_noise, doubt: {doubt}}}
  parents: {{teacher: {teacher}}}
"""
PRESET = """
recipe: {name: tiny, epochs: 2, batch_size: 4, lr: 1e-3, schedule: one_cycle, valid_windows: 1}
windows: {protocol: tiled, max_windows: 1}
perturbations: [white_noise]
severities: [3]
n_boot: 100
baseline: teacher
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled and an unlabelled folder of music, a teacher and two students."""
    root = tmp_path_factory.mktemp("stages")
    (root / "tiny.yaml").write_text(PRESET, encoding="utf-8")
    (root / "pool").mkdir()
    for index in range(9):
        soundfile.write(root / "pool" / f"{index}.wav", music.tone(100 + index), music.RATE)
    pool, teacher = root / "pool.yaml", root / "teacher.yaml"
    pool.write_text(
        f"class: datamodules.datasets.local_folder.Folder\nparams: {{data: {root / 'pool'}}}\n"
    )
    teacher.write_text(MUSICNN)
    for name, doubt in (("trusting", "null"), ("doubting", "0.6")):
        stage = STUDENT.format(pool=pool, doubt=doubt, teacher=teacher)
        (root / f"{name}.yaml").write_text(MUSICNN + stage)
    return root


class Students(Bench):
    """The sweep of the two students, whose teacher is trained because they need it."""

    def command(self, *more: str) -> list[str]:
        models = ",".join(str(self.root / f"{name}.yaml") for name in ("trusting", "doubting"))
        return self.run_arguments(models, *more)

    def content(self) -> dict[str, bytes]:
        """Return the bytes of the weights and of the predictions of all cells.

        The rest of a checkpoint states how often the training was resumed.
        """
        content = {}
        for path in self.results.glob("cells/*/best.ckpt"):
            weights = torch.load(path, weights_only=True)["state_dict"]
            content[path.parent.name] = b"".join(
                name.encode() + weights[name].numpy().tobytes() for name in sorted(weights)
            )
        for path in self.results.glob("cells/*/predictions.npz"):
            content[path.parent.name] = path.read_bytes()
        return content


@pytest.fixture(scope="module")
def finished(root: Path) -> Students:
    sweep = Students(root, "results")
    done = sweep.call(sweep.command(), report=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return sweep


def test_the_teacher_is_trained_once_and_not_listed(finished: Students) -> None:
    store = Store(finished.results)
    cells = [store.read(path.parent.name) for path in finished.results.glob("cells/*/cell.json")]
    trained = {c["labels"]["model"]: c for c in cells if c["kind"] == "train"}
    assert sorted(trained) == ["doubting", "teacher", "trusting"]
    teacher = trained["teacher"]["id"]
    for student in ("doubting", "trusting"):
        preimage = trained[student]["preimage"]
        assert preimage["parents"] == {"teacher": teacher}
        assert preimage["stage"]["identity"] == "NoisyStudent"
        assert "unlabelled" not in preimage["stage"]["params"]  # a digest, not a name
        history = store.metrics(trained[student]["id"])["history"]
        # Two steps an epoch: half of a batch of four, from the ten labelled tracks.
        assert [row["trainer/global_step"] for row in history] == [5, 10]
        assert all({"train_loss", "train_unlabelled_loss", "valid_loss"} <= set(r) for r in history)
    assert "stage" not in trained["teacher"]["preimage"]
    board = finished.csvs()["leaderboard.csv"].decode()
    assert "trusting" in board
    assert "teacher" not in board


def test_a_dry_run_names_the_parents(finished: Students) -> None:
    shown = finished.call(finished.command("--dry-run")).stdout
    assert "teacher: teacher" in " ".join(shown.split())


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_sweep_killed_at_random_instants_ends_with_the_same_bytes(
    finished: Students, kills: int
) -> None:
    killed, rng = Students(finished.root, f"killed-{kills}"), rng_for("kills", kills)
    teacher: set[tuple[Path, int]] = set()  # path and time of its result
    process, began = _start(killed), time.monotonic()
    while process.is_alive() and not list(killed.results.glob("cells/*/last.ckpt")):
        assert process.is_alive()
        time.sleep(0.05)
    first_epoch = time.monotonic() - began
    for kill in range(kills):
        if kill:
            process = _start(killed)
            time.sleep(first_epoch * rng.uniform(0.5, 1.5))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        time.sleep(0.5)  # its jobs notice by themselves
        teacher |= _results_of_the_teacher(killed)
    done = killed.call(killed.command(), report=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(teacher | _results_of_the_teacher(killed)) == 1
    assert killed.content() == finished.content()
    assert killed.csvs() == finished.csvs()


def _start(sweep: Students) -> ForkServerProcess:
    return warm_process.start("-m", "benchmark", *sweep.command())


def _results_of_the_teacher(sweep: Students) -> set[tuple[Path, int]]:
    return {
        (path, path.stat().st_mtime_ns)
        for path in sweep.results.glob("cells/*/metrics.json")
        if read_json(path.with_name("cell.json"))["labels"]["model"] == "teacher"
    }
