"""Tags whose truth a perturbation changes, and categories of tags: declared, and scored apart."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.score.tables.build import build_tables
from benchmark.score.tag_groups import TagFacts
from benchmark.store.predictions import load_predictions
from datamodules.datasets.local_folder import Folder
from datamodules.datasets.magnatagatune import MagnaTagATune
from datamodules.datasets.million_song import MillionSongDataset
from datamodules.datasets.mtg_jamendo import Jamendo
from datamodules.datasets.synthetic import Synth
from datamodules.datasets.won2020_npy import ReferenceTree
from datamodules.labels import perturbed_tags, vocabularies
from tests.support.scored import simulated

FACTS = TagFacts(
    {"pitch_shift": ("tag0", "tag3")}, {"tag0": "voice", "tag1": "genre", "tag2": "genre"}
)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    cells = simulated(tmp_path_factory.mktemp("cells"), ["fcn", "musicnn"])
    return cells, build_tables(cells, n_boot=100, facts=FACTS)


def find(cells, perturbation, severity):
    (one,) = [
        cell
        for cell in cells
        if (cell.model, cell.condition.perturbation, cell.condition.severity)
        == ("fcn", perturbation, severity)
    ]
    return load_predictions(one.predictions)


def test_invariant_rows_are_macros_over_the_other_tags(scored):
    cells, tables = scored
    rows = tables.robustness.query("model == 'fcn'").set_index(
        ["metric", "perturbation", "severity"]
    )
    clean = find(cells, "clean", 0)
    for function, metric in ((roc_auc_score, "roc_auc"), (average_precision_score, "pr_auc")):
        for severity in (1, 3):
            here = find(cells, "pitch_up", severity)
            kept = [1, 2, 4]
            value, before = (
                function(one.targets[:, kept], one.scores[:, kept], average="macro")
                for one in (here, clean)
            )
            row = rows.loc[f"{metric}_invariant", "pitch_up", severity]
            assert row["value"] == pytest.approx(value, abs=1e-6)
            assert row["drop"] == pytest.approx(before - value, abs=2e-6)
            assert row["low"] < row["value"] < row["high"]
            assert row["drop_low"] <= row["drop"] <= row["drop_high"]
            assert row["n_tags"] == 3
            assert 0 <= row["p_drop_holm"] <= 1
            # A family that changes no tag: the subset is everything.
            same = rows.loc[f"{metric}_invariant", "white_noise", severity]
            every = rows.loc[metric, "white_noise", severity]
            columns = ["value", "low", "high", "drop", "drop_low", "n_tags"]
            assert same[columns].tolist() == every[columns].tolist()
    assert "roc_auc_invariant" not in set(tables.robustness.query("severity == 0")["metric"])


def test_without_a_declaration_there_are_no_such_rows(scored):
    tables = build_tables(scored[0], n_boot=5)
    assert not tables.robustness["metric"].str.contains("invariant").any()
    assert tables.per_category.empty


def test_categories_are_macros_over_their_tags(scored):
    cells, tables = scored
    frame = tables.per_category
    assert set(frame["category"]) == {"genre", "voice"}
    assert len(frame) == 2 * 7 * 2
    rows = frame.query("model == 'fcn'").set_index(["category", "perturbation", "severity"])
    for place in (("white_noise", 3), ("clean", 0)):
        here = find(cells, *place)
        for category, columns in (("genre", [1, 2]), ("voice", [0])):
            row = rows.loc[(category, *place)]
            expected = roc_auc_score(here.targets[:, columns], here.scores[:, columns])
            assert row["roc_auc"] == pytest.approx(expected, abs=1e-6)
            assert row["n_tags"] == len(columns)
            assert row["low"] <= row["roc_auc"] <= row["high"]
            assert row["pr_auc_low"] <= row["pr_auc"] <= row["pr_auc_high"]
    tags = tables.per_tag.query(
        "model == 'fcn' and perturbation == 'white_noise' and severity == 3"
    )
    one = tags.set_index("tag").loc["tag0"]
    voice = rows.loc["voice", "white_noise", 3]
    names = ["roc_auc", "low", "high", "drop", "drop_low", "drop_high", "pr_auc"]
    assert voice[names].tolist() == one[names].tolist()


def test_other_rows_do_not_depend_on_it(scored):
    cells, tables = scored
    plain = build_tables(cells, n_boot=100).robustness
    kept = tables.robustness[~tables.robustness["metric"].str.contains("invariant")]
    assert plain.equals(kept.reset_index(drop=True))


@pytest.mark.parametrize(
    ("dataset", "tags"),
    [
        (MagnaTagATune, vocabularies.MTAT_TOP50),
        (MillionSongDataset, vocabularies.MSD_LASTFM50),
        (MillionSongDataset, vocabularies.MSD_CALS50),
        (Synth, Synth(root=".").tags),
        (Jamendo, vocabularies.JAMENDO_TOP50),
    ],
)
def test_every_tag_has_one_category(dataset, tags, tmp_path):
    module = dataset(root=tmp_path)
    assert set(module.tag_categories(tags)) == set(tags)
    members = [tag for group in module.categories.values() for tag in group]
    assert len(members) == len(set(members))


def test_what_changes_is_declared(tmp_path):
    tags = vocabularies.MTAT_TOP50
    found = MagnaTagATune(root=tmp_path).unstable_tags(tags)
    assert found["time_stretch"] == ("slow", "fast")
    assert found["gain"] == found["dynamic_range_compression"] == ("loud", "quiet", "soft")
    assert found["pitch_shift"] == (
        *("female", "male", "woman", "male vocal", "man", "male voice", "female vocal"),
        "female voice",
    )
    assert set(found["chain"]) == {tag for family in found.values() for tag in family}
    assert Synth(root=tmp_path).unstable_tags(("slow", "loud", "piano"))["gain"] == ("loud",)
    msd = MillionSongDataset(root=tmp_path)
    assert len(msd.unstable_tags(vocabularies.MSD_LASTFM50)["pitch_shift"]) == 3
    assert Jamendo(root=tmp_path).unstable_tags(vocabularies.JAMENDO_TOP50) == {}
    assert Folder(root=tmp_path, data="x").unstable_tags(tags) == {}
    assert ReferenceTree(layout="mtat", data="x", root=tmp_path).unstable_tags(tags) == found
    tree = ReferenceTree(layout="jamendo", data="x", root=tmp_path)
    assert tree.tag_categories(("genre---pop",)) == {"genre---pop": "genre"}


def test_declared_tags_exist_and_families_too():
    from benchmark.perturbations import catalogue

    families = {one.family for one in catalogue().values()} | {perturbed_tags.CHAIN}
    assert set(perturbed_tags.read_tag_table("mtat").changes) <= families
    msd = perturbed_tags.read_tag_table("msd")
    known = {*vocabularies.MSD_LASTFM50, *vocabularies.MSD_CALS50}
    declared = {tag for tags in msd.changes.values() for tag in tags}
    assert declared <= known
    assert {tag for tags in msd.categories.values() for tag in tags} == known


def test_invariant_scores_of_all_tags_unstable_are_missing(tmp_path):
    cells = simulated(tmp_path, ["fcn"], c=2)
    facts = TagFacts({"pitch_shift": ("tag0", "tag1")})
    rows = build_tables(cells, n_boot=20, facts=facts).robustness
    lost = rows.query("metric == 'roc_auc_invariant' and family == 'pitch_shift'")
    assert (lost["n_tags"] == 0).all()
    assert np.isnan(lost["value"]).all()
