"""The screen Compare states the numbers of the tables."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest

from benchmark.store.predictions import load_predictions
from benchmark.store.tables import Tables, read_text_table
from benchmark.ui.app import create_app
from benchmark.ui.results import moved
from tests.support.stored_results import stored_results
from tests.support.user_interface import ORIGIN, TOKEN


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory):
    """A folder of two results folders, and the tables of one of them."""
    folder = tmp_path_factory.mktemp("results")
    tables = stored_results(folder)
    stored_results(folder / "classes", task="singlelabel")
    return folder, tables


@pytest.fixture
def get(config, results):
    """Return a function that requests JSON of the screen."""
    from starlette.testclient import TestClient

    app = create_app(replace(config, results=results[0]))
    browser = TestClient(app, base_url=ORIGIN)
    browser.get("/compare", params={"token": TOKEN})

    def get(path: str, status: int = 200, **query):
        answer = browser.get(f"/api/compare/{path}?{urlencode(query, doseq=True)}")
        assert answer.status_code == status, answer.text
        return answer.json()

    yield get
    for queue in (app.state.jobs, app.state.decoders):
        queue.close()


def test_every_number_of_the_leaderboard_is_that_of_the_file(get, results) -> None:
    assert [one["name"] for one in get("datasets")] == ["synth", "classes/synth"]
    board = get("board", dataset="synth")
    stored = read_text_table(results[0] / "synth" / "leaderboard.csv")
    assert len(board["rows"]) == len(stored) == 3
    kinds = {column["name"]: column["kind"] for column in board["columns"]}
    for row, text in zip(board["rows"], stored.to_dict("records"), strict=True):
        for name, value in text.items():
            assert (row[name] is None) == pd.isna(value), name
            if kinds.get(name, "number") != "text" and not pd.isna(value):
                assert float(row[name]) == float(value), name
    assert all(column["description"] for column in board["columns"])
    assert board["listen"]["fcn"] == "train-fcn-0"


@pytest.mark.parametrize("dataset", ["synth", "classes/synth"])
@pytest.mark.parametrize("scope", ["clean", "suite/pitch_shift"])
def test_the_difference_is_that_of_the_table_of_comparisons(get, dataset: str, scope: str) -> None:
    found = get("difference", dataset=dataset, first="musicnn", second="fcn", scope=scope)
    stated = found["all_pairs"]
    assert (stated["model_a"], stated["model_b"]) == ("musicnn", "fcn")
    for name in ("score_a", "score_b", "difference", "low", "high", "p_beats"):
        assert found[name] == pytest.approx(stated[name], abs=1.1e-6), name
    again = get("difference", dataset=dataset, first="fcn", second="musicnn", scope=scope)
    assert again["difference"] == -found["difference"]
    assert len(found["tags"]) == 5
    assert found["low"] < found["difference"] < found["high"]


def test_the_difference_by_tag_agrees_with_the_scores_by_tag(get, results) -> None:
    tables: Tables = results[1]
    clean = tables.per_tag[tables.per_tag["severity"] == 0].set_index(["model", "tag"])
    found = get("difference", dataset="synth", first="fcn", second="musicnn", scope="clean")
    for row in found["tags"]:
        for name, model in (("score_a", "fcn"), ("score_b", "musicnn")):
            assert row[name] == clean.loc[(model, row["tag"]), "roc_auc"]
    (tag,) = [one for one in get("tags", dataset="synth", model=["fcn"]) if one["tag"] == "tag0"]
    assert tag["models"]["fcn"]["value"] == clean.loc[("fcn", "tag0"), "roc_auc"]


def test_the_points_of_a_curve_name_the_condition_whose_tracks_moved(get, results) -> None:
    curves = get("curves", dataset="synth")["curves"]
    (noise,) = [curve for curve in curves if curve["title"] == "white noise"]
    (own,) = [one for one in noise["series"] if one["model"] == "fcn"]
    point = own["points"][-1]
    assert (point["perturbation"], point["severity"], point["level"]) == ("white_noise", 3, 15.0)
    condition = f"{point['protocol']}/{point['perturbation']}/{point['severity']}"
    found = get("tracks", dataset="synth", model="fcn", condition=condition)
    assert found["condition"] == "white_noise:3"
    changes = [row["change"] for row in found["tracks"]]
    assert changes == sorted(changes, reverse=True)
    assert len(changes) == found["n"] == 40

    def scores(condition: str) -> np.ndarray:
        files = [f"fcn-{seed}-suite-{condition}/predictions.npz" for seed in (0, 1)]
        stored = [load_predictions(results[0] / "cells" / file).scores for file in files]
        return np.stack(stored).astype(float)

    before, after = scores("clean-0"), scores("white_noise-3")
    changed = np.abs(np.log(after / (1 - after)) - np.log(before / (1 - before))).mean(axis=(0, 2))
    assert changes[0] == pytest.approx(changed.max(), abs=1e-5)
    assert found["tracks"][0]["track"] == f"t{changed.argmax():04d}"


def test_a_result_is_kept_until_the_predictions_change(get, results, monkeypatch) -> None:
    query = {"dataset": "synth", "model": "tag_prior", "condition": "suite/pitch_up/1"}
    first = get("tracks", **query)
    monkeypatch.setattr(moved, "_moved", lambda *_: {"n": -1})
    assert get("tracks", **query) == first
    metrics = results[0] / "cells" / "tag_prior-0-suite-pitch_up-1" / "metrics.json"
    metrics.write_text(metrics.read_text().replace('.npz": "', '.npz": "0'), encoding="utf-8")
    assert get("tracks", **query)["n"] == -1


def test_unknown_names_and_paths_are_refused(get) -> None:
    for dataset in ("../results/synth", "/etc", "cells", "synt"):
        assert "Unknown dataset" in get("board", 400, dataset=dataset)["error"]
    query = {"dataset": "synth", "first": "fcn", "second": "nobody"}
    assert "nobody has no finished evaluation" in get("difference", 400, **query)["error"]
    query = {"dataset": "synth", "model": "fcn", "condition": "clean"}
    assert "not one perturbed condition" in get("tracks", 400, **query)["error"]
