"""The executors give equal results."""

from __future__ import annotations

from tests.support.bench import Bench


def test_ray_gives_the_same_bytes(finished_sweep: Bench) -> None:
    other = Bench(finished_sweep.root, "ray")
    arguments = other.run_arguments("tag_prior,musicnn", "--executor", "ray")
    done = other.call(arguments, report=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert other.csvs() == finished_sweep.csvs()
    logs = {path.name.split("-")[0] for path in (other.results / "logs").iterdir()}
    assert logs == {"train", "evaluation"}
