"""What a preset sets for the bootstrap."""

from __future__ import annotations

from pathlib import Path

from benchmark.plan import build as plan
from benchmark.run import preparation
from tests.support.small_experiment import PRESET, SmallExperiment


def test_the_preset_sets_the_clusters_of_the_bootstrap(experiment: SmallExperiment, tmp_path: Path):
    ids = [str(name) for name in experiment.corpus.split("test")["track_id"]]
    assert preparation.clusters(experiment.corpus, "artist") is None  # as the predictions hold it
    assert experiment.corpus.clusters("test") == [f"artist:artist{int(n[:3])}" for n in ids]
    clusters = preparation.clusters(experiment.corpus, "track")
    assert clusters == {name: f"track:{name}" for name in ids}
    contracts = set()
    for by in ("artist", "song", "track"):
        preset = tmp_path / by / "tiny.yaml"
        preset.parent.mkdir()
        preset.write_text(f"{PRESET}cluster: {by}\n", encoding="utf-8")
        checked = experiment.check(["tag_prior"], preset=preset)
        models = preparation.resolve_models(checked)
        contracts.add(plan.build(checked, experiment.dataset, experiment.corpus, models).contract)
    assert len(contracts) == 3  # tables of two kinds never mix
