"""Label statistics against NumPy, pandas and published figures."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from datamodules.common.seeding import rng_for
from datamodules.labels import statistics
from datamodules.labels.vocabularies import MTAT_TOP50

# Counts of the ten most frequent tags, and correlations, as a study of MagnaTagATune prints them:
# the first over all 25,863 clips (it has 4,274 of classical, the annotation file 4,272), the second
# over the 21,111 that carry one of the 50 tags, cut after four digits.
PUBLISHED_COUNTS = {
    "guitar": 4852, "classical": 4272, "slow": 3547, "techno": 2954, "strings": 2729,
    "drums": 2598, "electronic": 2519, "rock": 2371, "fast": 2306, "piano": 2056,
}  # fmt: skip


PUBLISHED_PAIRS = {
    ("choir", "choral"): 0.6573,
    ("indian", "sitar"): 0.5910,
    ("female", "woman"): 0.5402,
    ("electronic", "techno"): 0.5107,
    ("female", "female vocal"): 0.4896,
    ("male", "male vocal"): 0.4886,
    ("strings", "violin"): 0.4535,
    ("male", "man"): 0.4403,
    ("woman", "female vocal"): 0.4349,
    ("metal", "rock"): 0.4263,
    ("classical", "strings"): 0.4247,
    ("man", "male vocal"): 0.4246,
    ("cello", "violin"): 0.4071,
}


@pytest.fixture
def labels() -> np.ndarray:
    matrix = (rng_for("labels").rand(300, 7) < 0.3).astype(np.uint8)
    matrix[:, 1] |= matrix[:, 0]
    return matrix


@pytest.fixture
def splits() -> list[str]:
    return ["train"] * 150 + ["valid"] * 50 + ["test"] * 100


def test_correlations_are_pearsons(labels):
    expected = np.corrcoef(labels.T.astype(float))
    np.testing.assert_allclose(statistics.correlations(labels), expected, atol=1e-12)


def test_a_constant_tag_has_no_correlation_and_is_in_no_pair(labels):
    labels[:, 2] = 0
    labels[:, 3] = 1
    matrix = statistics.correlations(labels)
    assert np.isnan(matrix[2]).all()
    assert np.isnan(matrix[:, 3]).all()
    assert np.isfinite(np.delete(np.delete(matrix, [2, 3], 0), [2, 3], 1)).all()
    pairs = statistics.correlated_pairs(labels, list("abcdefg"))
    assert len(pairs) == 10
    assert not {"c", "d"} & {*pairs["tag"], *pairs["other"]}


def test_every_pair_is_listed_with_the_strongest_first(labels):
    pairs = statistics.correlated_pairs(labels, list("abcdefg"))
    assert len(pairs) == 21
    assert pairs["correlation"].is_monotonic_decreasing
    first = pairs.iloc[0]
    assert (first["tag"], first["other"]) == ("a", "b")
    assert first["both"] == labels[:, 0].sum()  # every clip of a carries b
    assert first["either"] == labels[:, 1].sum()


def test_counts_agree_with_pandas(labels, splits):
    frame = pd.DataFrame(labels, columns=list("abcdefg")).assign(split=splits)
    expected = frame.groupby("split").sum()
    table = statistics.tag_counts(labels, list("abcdefg"), splits).set_index("tag")
    assert table["clips"].is_monotonic_decreasing
    for split in ("train", "valid", "test"):
        assert table[split].to_dict() == expected.loc[split].to_dict()
    np.testing.assert_allclose(table["share"], table["clips"] / 300)
    per_clip = statistics.tags_per_clip(labels, splits).set_index("tags")
    valid = pd.Series(labels[150:200].sum(axis=1)).value_counts()
    assert per_clip["valid"][per_clip["valid"] > 0].to_dict() == valid.to_dict()
    assert per_clip["clips"].sum() == 300


def test_ties_keep_the_order_of_the_vocabulary():
    table = statistics.tag_counts(np.eye(4, dtype=np.uint8), list("dbca"), ["train"] * 4)
    assert table["tag"].tolist() == list("dbca")


def test_every_clip_is_in_one_bin_of_the_durations(splits):
    seconds = 30 + 200 * rng_for("seconds").rand(300)
    table = statistics.durations(seconds, splits)
    assert table["clips"].sum() == 300
    assert table[["train", "valid", "test"]].sum().tolist() == [150, 50, 100]
    assert table["from_seconds"].iloc[0] == seconds.min()
    assert table["to_seconds"].iloc[-1] == seconds.max()
    (only,) = statistics.durations(np.full(300, 29.124), splits)["clips"]
    assert only == 300


def test_counts_and_correlations_published_for_magnatagatune(shared_data):
    with gzip.open(shared_data / "mtat" / "annotations_final.csv.gz") as file:
        frame = pd.read_csv(file, sep="\t")
    tags = list(MTAT_TOP50)
    matrix = frame[tags].to_numpy(np.uint8)
    folders = frame["mp3_path"].str[0]
    splits = np.select([folders < "c", folders == "c"], ["train", "valid"], "test").tolist()

    counts = statistics.tag_counts(matrix, tags, splits)
    assert dict(zip(counts["tag"][:10], counts["clips"][:10], strict=True)) == PUBLISHED_COUNTS

    tagged = matrix.any(axis=1)
    assert tagged.sum() == 21111
    pairs = statistics.correlated_pairs(matrix[tagged], tags)
    correlations = {
        frozenset((row.tag, row.other)): row.correlation for row in pairs.head(13).itertuples()
    }
    assert set(correlations) == {frozenset(pair) for pair in PUBLISHED_PAIRS}
    for pair, value in PUBLISHED_PAIRS.items():
        assert np.floor(correlations[frozenset(pair)] * 1e4) / 1e4 == value
