"""Play counts and their factors, against a dense solution of the normal equations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datamodules.common.errors import TagbenchError
from datamodules.listening.factorise import solve, track_factors
from datamodules.listening.plays import read_plays
from datamodules.synthesis.factors import factors_for
from datamodules.synthesis.listening import play_counts
from datamodules.synthesis.tag_rules import tags_of


def test_factors_solve_the_weighted_normal_equations():
    table = play_counts(0, 60, 40)
    alpha, regularisation, factors = 3.0, 0.1, 5
    users, tracks = solve(table, factors, alpha, regularisation, 4, 1, 1)
    plays = np.zeros((40, 60))
    plays[table.user, table.track] = table.plays
    for track in range(60):
        confidence = 1 + alpha * plays[:, track]
        left = users.T @ (confidence[:, None] * users) + regularisation * np.eye(factors)
        right = users.T @ (confidence * (plays[:, track] > 0))
        np.testing.assert_allclose(tracks[track], np.linalg.solve(left, right), atol=1e-4)
    settings = {"alpha": alpha, "regularisation": regularisation, "iterations": 4, "seed": 1}
    ids, vectors = track_factors(table, factors=factors, threads=2, **settings)
    np.testing.assert_array_equal(vectors, tracks[plays.any(0)].astype(np.float32))
    assert ids == tuple(np.array(table.tracks)[plays.any(0)])


def test_listeners_of_the_synthetic_corpus_tell_its_genres():
    few, many = play_counts(0, 40, 50), play_counts(0, 80, 50)
    kept = many.track < 40  # the counts of a clip do not depend on the number of clips
    np.testing.assert_array_equal(few.plays, many.plays[kept])
    ids, vectors = track_factors(play_counts(0, 200, 200), factors=16)
    rock = np.array(["rock" in tags_of(factors_for(0, int(name[-6:]))) for name in ids])
    centred = vectors - vectors.mean(0)
    direction = centred[rock][:15].mean(0)
    scores = centred @ direction
    assert np.mean(scores[rock][15:, None] > scores[~rock]) > 0.9


def test_a_table_of_plays_is_read_as_text_and_added_up(tmp_path: Path):
    file = tmp_path / "plays.csv"
    file.write_text("plays,user,track_id\n2,7,007\n1,8,007\n3,7,007\n0,8,7\n")
    table = read_plays(file)
    assert (table.users, table.tracks) == (("7", "8"), ("007", "7"))
    assert list(zip(table.user, table.track, table.plays, strict=True)) == [(0, 0, 5), (1, 0, 1)]
    assert track_factors(table, factors=2)[0] == ("007",)  # 7 has no plays
    frame = pd.read_csv(file, dtype={"user": str, "track_id": str})
    frame.to_parquet(tmp_path / "plays.parquet")
    assert read_plays(tmp_path / "plays.parquet").tracks == table.tracks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,track_id\nu,t\n", "Expected the columns user, track_id and plays"),
        ("user,track_id,plays\nu,t,many\nu,s,1\n", "1 of 2 counts.*user u and track t: 'many'"),
        ("user,track_id,plays\nu,t,-1\n", "1 of 1 counts"),
        ("user,track_id,plays\nu,t,0\n", "no plays in 1 rows"),
        ("", "cannot be read"),
    ],
)
def test_bad_tables_of_plays_are_refused(tmp_path: Path, text: str, message: str):
    file = tmp_path / "plays.csv"
    file.write_text(text)
    with pytest.raises(TagbenchError, match=message):
        read_plays(file)
