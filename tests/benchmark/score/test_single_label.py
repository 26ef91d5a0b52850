"""What is said about single classes: top-K, rare classes, confusions, from files to the page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
import soundfile

from benchmark.report.figures.confusion import shares
from benchmark.report.html import write_report
from benchmark.score.bootstrap import draw_weights
from benchmark.score.long_tail import Tail, hit_rate, tails_of
from benchmark.score.metrics import pack_weights, top_k
from benchmark.score.tables.build import build_tables
from benchmark.score.tables.verify import verify_tables
from benchmark.store.predictions import load_predictions
from benchmark.store.tables import read_tables, to_csv, write_tables
from tests.support import command_line, music
from tests.support.report_page import page_of
from tests.support.scored import evaluation, simulated

COUNTS = {"tag0": 400, "tag1": 199, "tag2": 100, "tag3": 99, "tag4": 0}


@pytest.fixture(scope="module")
def genres(tmp_path_factory):
    """Cells of three models on five classes, and the tables made of them."""
    cells = simulated(tmp_path_factory.mktemp("genres"), task="singlelabel")
    return cells, build_tables(cells, n_boot=100, training_counts=COUNTS)


def of(frame: pd.DataFrame, **wanted) -> pd.DataFrame:
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    return frame


def read(cells, model):
    (cell,) = (one for one in cells if (one.model, one.condition.severity) == (model, 0))
    stored = load_predictions(cell.predictions)
    return stored, stored.targets.argmax(axis=1), stored.scores.argmax(axis=1)


@pytest.mark.parametrize("model", ["fcn", "musicnn", "tag_prior"])
def test_scores_of_a_genre_classifier_equal_scikit_learn(genres, model):
    cells, tables = genres
    stored, truth, guess = read(cells, model)
    row = of(tables.leaderboard, model=model).iloc[0]
    assert row["accuracy"] == pytest.approx(sk.accuracy_score(truth, guess), abs=1e-6)
    assert row["macro_f1"] == pytest.approx(sk.f1_score(truth, guess, average="macro"), abs=1e-6)
    for k in (2, 3):
        expected = sk.top_k_accuracy_score(truth, stored.scores, k=k)
        assert row[f"top{k}_accuracy"] == pytest.approx(expected, abs=1e-6)
        assert row[f"top{k}_accuracy_low"] <= expected <= row[f"top{k}_accuracy_high"]
        found = of(tables.robustness, model=model, severity=0, metric=f"top{k}_accuracy")
        assert found["value"].tolist() == [row[f"top{k}_accuracy"]]
    assert "top5_accuracy" not in tables.leaderboard  # of five classes: always right
    classes = of(tables.per_tag, model=model, severity=0)
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        truth, guess, zero_division=np.nan
    )
    said = np.isin(np.arange(5), guess)
    np.testing.assert_allclose(classes["precision"], np.where(said, precision, np.nan), atol=1e-6)
    np.testing.assert_allclose(classes["recall"], recall, atol=1e-6)
    np.testing.assert_allclose(classes["f1"], np.nan_to_num(f1), atol=1e-6)
    assert classes["n_positive"].tolist() == support.tolist()
    assert classes["n_train"].tolist() == list(COUNTS.values())
    inside = (classes["f1_low"] <= classes["f1"]) & (classes["f1"] <= classes["f1_high"])
    assert inside.all()


def test_rank_follows_accuracy(genres):
    board = genres[1].leaderboard
    assert board["accuracy"].is_monotonic_decreasing
    assert board["rank"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("model", ["fcn", "musicnn", "tag_prior"])
def test_confusions_equal_scikit_learn(genres, model):
    cells, tables = genres
    _, truth, guess = read(cells, model)
    rows = of(tables.confusion, model=model)
    assert rows["true"].tolist() == [f"tag{c}" for c in range(5) for _ in range(5)]
    counts = rows["count"].to_numpy(int).reshape(5, 5)
    assert (counts == sk.confusion_matrix(truth, guess, labels=range(5))).all()
    share = shares(rows)["share"].to_numpy().reshape(5, 5)
    expected = sk.confusion_matrix(truth, guess, labels=range(5), normalize="true")
    np.testing.assert_allclose(share, expected)


def test_a_class_without_a_test_track_has_no_share():
    rows = pd.DataFrame({"true": list("aabb"), "predicted": list("abab"), "count": [3, 1, 0, 0]})
    assert shares(rows)["share"].tolist()[:2] == [0.75, 0.25]
    assert shares(rows)["share"].isna().tolist() == [False, False, True, True]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(("threshold", "rare"), [(100, [3, 4]), (200, [1, 2, 3, 4])])
def test_long_tail_equals_top_k_accuracy_on_the_tracks_of_rare_classes(genres, threshold, rare, k):
    cells, tables = genres
    for model in ("fcn", "tag_prior"):
        stored, truth, _ = read(cells, model)
        row = of(tables.long_tail, model=model, threshold=threshold, k=k).iloc[0]
        own = np.isin(truth, rare)
        expected = sk.top_k_accuracy_score(
            truth[own], stored.scores[own], k=k, labels=np.arange(stored.scores.shape[1])
        )
        assert row["accuracy"] == pytest.approx(expected, abs=1e-6)
        assert row["n_tracks"] == own.sum()
        assert row["classes"].split("|") == [f"tag{c}" for c in rare]
        assert row["n_classes"] == len(rare)


def test_the_interval_of_a_rare_class_comes_from_the_draws_of_all_scores(genres):
    cells, tables = genres
    stored, truth, _ = read(cells, "fcn")
    weights = draw_weights(stored.clusters, 100, "synth", 0)
    drawn = np.concatenate(list(weights.packed.transpose(0, 2, 1)))[1:101]
    own = np.isin(truth, [3, 4])
    samples = [
        sk.top_k_accuracy_score(
            truth[own], stored.scores[own], k=2, labels=np.arange(5), sample_weight=one[own]
        )
        for one in drawn
    ]
    row = of(tables.long_tail, model="fcn", threshold=100, k=2).iloc[0]
    expected = np.percentile(samples, [2.5, 97.5])
    np.testing.assert_allclose(row[["low", "high"]].astype(float), expected, atol=1e-6)


def test_a_multi_label_trial_is_a_track_with_one_of_its_rare_tags():
    scores = np.array([[0.9, 0.8, 0.1, 0.2], [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]])
    targets = np.array([[1, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 0]], dtype=np.uint8)
    # Rare are the last three tags: trials (0, 1), (0, 2), (1, 3); found are the first and last.
    packed = pack_weights(np.array([[1, 1, 1], [2, 1, 5], [0, 0, 1]], dtype=np.uint8))
    found = hit_rate(scores, targets, Tail(100, 2, (1, 2, 3)), packed)
    assert found[:2].tolist() == [2 / 3, 3 / 5]
    assert np.isnan(found[2])  # no rare tag was drawn


def test_questions_without_an_answer_are_not_asked():
    assert tails_of(np.array([200, 500, 300])) == ()
    two = tails_of(np.array([150, 500, 300]))
    assert [(one.threshold, one.k, one.rare) for one in two] == [(200, 2, (0,))]
    every = tails_of(np.array([99, 100, 199, 200, 0, 900]))
    assert {one.threshold: one.rare for one in every} == {100: (0, 4), 200: (0, 1, 2, 4)}
    assert [one.k for one in every] == [2, 3, 5] * 2
    small = {one.threshold: one.rare for one in tails_of(np.array([80, 19, 49, 20]))}
    assert small == {20: (1,), 50: (1, 2, 3)}


def test_top_k_of_more_classes_than_there_are_marks_all():
    assert top_k(np.array([[0.1, 0.2]]), 5).all()


def test_without_rare_classes_the_file_is_its_header_and_the_page_says_so(tmp_path):
    cells = simulated(tmp_path, ["fcn"], task="singlelabel")
    common = build_tables(cells, n_boot=5, training_counts=dict.fromkeys(COUNTS, 200))
    header = "model,threshold,k,accuracy,low,high,n_tracks,n_classes,classes\n"
    assert to_csv(common.long_tail) == header
    text = page_of(common, tmp_path)
    assert "No class has fewer than 200 training tracks." in text
    unknown = build_tables(cells, n_boot=5)
    assert to_csv(unknown.long_tail) == header
    assert "does not hold the number of training tracks" in page_of(unknown, tmp_path)


def test_rare_classes_without_a_test_track_have_no_rate(tmp_path):
    cell = evaluation(
        tmp_path, [[0.9, 0.1, 0], [0.2, 0.8, 0]], [[1, 0, 0], [0, 1, 0]], task="singlelabel"
    )
    counts = {"tag0": 300, "tag1": 300, "tag2": 5}
    row = build_tables([cell], n_boot=10, training_counts=counts).long_tail.iloc[0]
    assert pd.isna(row["accuracy"])
    assert (row["n_tracks"], row["classes"]) == (0, "tag2")


def test_seeds_are_added_in_confusions_and_averaged_in_rates(tmp_path):
    cells = simulated(tmp_path, ["fcn"], seeds=(0, 1), task="singlelabel")
    both = build_tables(cells, n_boot=10, training_counts=COUNTS)
    each = [
        build_tables([c for c in cells if c.seed == seed], n_boot=10, training_counts=COUNTS)
        for seed in (0, 1)
    ]
    total = sum(one.confusion["count"].to_numpy() for one in each)
    assert (both.confusion["count"].to_numpy() == total).all()
    mean = sum(one.long_tail["accuracy"].to_numpy() for one in each) / 2
    np.testing.assert_allclose(both.long_tail["accuracy"], mean, atol=1e-6)


def test_files_are_written_read_back_and_verified(genres, tmp_path):
    tables = genres[1]
    write_tables(tables, tmp_path)
    back = read_tables(tmp_path)
    for name, frame in back.frames().items():
        assert to_csv(frame) == (tmp_path / name).read_text()
    assert verify_tables(tmp_path, tables) == []
    for name, column in (("long_tail.csv", "accuracy"), ("confusion.csv", "count")):
        whole = (tmp_path / name).read_text()
        frame = pd.read_csv(tmp_path / name)
        frame.loc[1, column] = 0.5 * frame.loc[1, column] + 7
        frame = frame.astype({column: "int64"}) if column == "count" else frame
        (tmp_path / name).write_text(frame.to_csv(index=False, float_format="%.6f"))
        (found,) = verify_tables(tmp_path, tables)
        assert (found.file, found.column) == (name, column)
        (tmp_path / name).write_text(whole)


def test_a_multi_label_dataset_has_no_confusions(tmp_path):
    (tmp_path / "confusion.csv").write_text("model,true,predicted,count\n")
    tables = build_tables(simulated(tmp_path, ["fcn"]), n_boot=5, training_counts=COUNTS)
    assert set(tables.long_tail["k"]) == {2, 3}
    assert [one.file for one in verify_tables(tmp_path, tables)][-1] == "confusion.csv"
    write_tables(tables, tmp_path)
    assert not (tmp_path / "confusion.csv").exists()
    assert verify_tables(tmp_path, tables) == []
    text = page_of(tables, tmp_path)
    assert "Confusion" not in text
    assert "Rare tags" in text


def test_the_page_shows_confusions_and_rare_classes(genres, tmp_path):
    cells, tables = genres
    text = write_report(tables, tmp_path, {}).read_text()
    said = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "Fewer than 100 training tracks: 2 of 5 classes, 36 test tracks" in said
    assert "tag4 0 (18) , tag3 99 (18)" in said
    for model in ("fcn", "musicnn", "tag_prior"):
        assert f'aria-label="Confusion matrix of {model}"' in text
        stem = tmp_path / "report" / "figures" / f"confusion_{model}"
        assert stem.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    (drawing,) = re.findall(r'<svg[^>]*aria-label="Confusion matrix of fcn".*?</svg>', text, re.S)
    _, truth, guess = read(cells, "fcn")
    counts = sk.confusion_matrix(truth, guess)
    numbers = [int(one) for one in re.findall(r"<text[^>]*>(\d+)</text>", drawing)]
    assert sorted(numbers) == sorted(counts[counts > 0])
    before = {path: path.read_bytes() for path in (tmp_path / "report").rglob("*.*")}
    write_report(tables, tmp_path, {})
    assert before == {path: path.read_bytes() for path in (tmp_path / "report").rglob("*.*")}


PRESET = """
recipe: {name: tiny, epochs: 1, batch_size: 8, lr: 1e-3, valid_windows: 1}
windows: {protocol: tiled, max_windows: 2}
perturbations: [white_noise]
severities: [3]
n_boot: 100
"""


def test_a_folder_of_genres_from_files_to_tables(tmp_path: Path):
    names = ("low", "high", "middle", "rare")
    rows = ["path,tags,split"]
    for index in range(30):
        split = ("train", "train", "test", "valid", "test")[index % 5]
        name = names[3] if index in (0, 2, 3) else names[index % 3]
        soundfile.write(tmp_path / f"{index:02d}.wav", music.tone(index, 1.0), music.RATE)
        rows.append(f"{index:02d}.wav,{name},{split}")
    (tmp_path / "tags.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "genres.yaml").write_text(
        "class: datamodules.datasets.local_folder.Folder\nparams: {task: singlelabel}\n"
    )
    (tmp_path / "level.yaml").write_text("class: tests.support.level_model.Level\n")
    (tmp_path / "tiny.yaml").write_text(PRESET)
    results = tmp_path / "results"

    def call(*arguments: str) -> str:
        done = command_line.call(*arguments, "--results", str(results))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = call(
        "run", "--dataset", str(tmp_path / "genres.yaml"), "--data", str(tmp_path),
        "--models", f"tag_prior,{tmp_path / 'level.yaml'}", "--preset", str(tmp_path / "tiny.yaml"),
        "--data-root", str(tmp_path / "data"), "--workers", "0", "--wandb", "disabled",
    )  # fmt: skip
    assert "long_tail.csv, confusion.csv, precision_recall.csv, failures.csv" in said
    folder = results / "genres"
    board = pd.read_csv(folder / "leaderboard.csv")
    assert {"accuracy", "macro_f1", "top2_accuracy", "top3_accuracy"} <= set(board.columns)
    per_tag = pd.read_csv(folder / "per_tag.csv").query("severity == 0 and model == 'tag_prior'")
    table = pd.read_csv(tmp_path / "tags.csv")
    trained = table[table["split"] == "train"]["tags"].value_counts()
    assert per_tag.set_index("tag")["n_train"].to_dict() == trained.to_dict()
    # The prior always names the most frequent class of the training tracks, the last of a tie.
    confusion = pd.read_csv(folder / "confusion.csv").query("model == 'tag_prior' and count > 0")
    assert set(confusion["predicted"]) == {trained[trained == trained.max()].index.max()}
    assert confusion["count"].sum() == (table["split"] == "test").sum()
    tail = pd.read_csv(folder / "long_tail.csv")
    assert set(tail["n_classes"]) == {4}
    accuracy = board.set_index("model")["top2_accuracy"].to_dict()
    for row in tail.query("k == 2").to_dict("records"):  # every class is rare
        assert row["accuracy"] == accuracy[row["model"]]
    assert (folder / "report" / "figures" / "confusion_tag_prior.png").is_file()
    call("verify")
