"""Model cards and published scores: against the printed table, and sums done by hand."""

from __future__ import annotations

import csv
import re

import pytest

from benchmark.catalog import dataset_cards, model_cards, readme
from benchmark.config.schema import BenchmarkFile
from benchmark.config.variants import load_models
from benchmark.experiment_files import find, load, names
from benchmark.score.metrics.registry import all_metrics
from benchmark.store.cell_kinds import SINGLE_CLIPS
from datamodules.common.errors import TagbenchError

# Values of a training's history.
HISTORY = ("train_loss", "valid_loss", "train_accuracy", "valid_accuracy")

# Top-K accuracy over the classes with few training tracks.
RARE = re.compile(r"top\d_accuracy_below_\d+")

# Won et al. 2020, table 2: ROC-AUC and PR-AUC on MTAT, MSD and MTG-Jamendo, as printed.
TABLE_2 = """
fcn                 .9005 .4295  .8744 .2970  .8255 .2801
fcn_128             .8994 .4236  .8742 .2963  .8245 .2792
sample_cnn          .9058 .4422  .8789 .2959  .8208 .2742
sample_cnn_se       .9103 .4520  .8838 .3109  .8233 .2784
crnn                .8722 .3625  .8499 .2469  .7978 .2358
crnn_128            .8703 .3601  .8460 .2330  .7984 .2378
self_attention      .9077 .4445  .8810 .3103  .8261 .2883
harmonic_cnn        .9127 .4611  .8898 .3298  .8322 .2956
short_chunk_cnn     .9126 .4590  .8883 .3251  .8324 .2976
short_chunk_cnn_res .9129 .4614  .8898 .3280  .8316 .2951
musicnn_128         .9092 .4546  .8788 .3036  .8275 .2810
"""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with model_cards.PUBLISHED.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("line", TABLE_2.strip().splitlines(), ids=lambda line: line.split()[0])
def test_scores_are_those_of_paper(line: str) -> None:
    model, *printed = line.split()
    columns = [
        (dataset, metric) for dataset in model_cards.DATASETS for metric in ("roc_auc", "pr_auc")
    ]
    scores = model_cards.published()
    assert [scores[model, *column] for column in columns] == [float(text) for text in printed]


def test_score_of_the_transformer_is_that_of_the_conventional_split() -> None:
    scores = model_cards.published()
    assert scores["music_tagging_transformer", "msd", "roc_auc"] == 0.8916
    assert scores["music_tagging_transformer", "msd", "pr_auc"] == 0.3358


def test_musicnn_has_two_sizes_in_paper() -> None:
    scores = model_cards.published()
    assert scores["musicnn", "mtat", "roc_auc"] == 0.9106
    assert scores["musicnn", "jamendo", "pr_auc"] == 0.2713
    assert scores["musicnn_msd", "msd", "roc_auc"] == 0.8803
    assert ("musicnn", "msd", "roc_auc") not in scores


def labels_of_benchmarks() -> set[str]:
    files = [load(find("benchmarks", name), BenchmarkFile) for name in names("benchmarks")]
    return {label for file in files for label in load_models(file.models)}


def test_published_rows_name_our_models_and_their_source(rows: list[dict[str, str]]) -> None:
    models = {row["model"].removesuffix(SINGLE_CLIPS) for row in rows}
    assert models <= {*names("models"), *labels_of_benchmarks()}
    assert all(row["source"] and row["reported_as"] for row in rows)
    metrics = {row["metric"] for row in rows if not RARE.fullmatch(row["metric"])}
    assert metrics <= {*all_metrics(), *HISTORY}
    assert {row["dataset"] for row in rows} <= set(names("datasets"))
    assert {row["trained_on"] for row in rows} <= set(names("datasets"))
    assert all(0 < float(row["value"]) <= 1 for row in rows)


def test_scores_on_other_datasets_have_a_column_of_their_own() -> None:
    scores = model_cards.published()
    card = model_cards.card("neacsu2024_b_gru", scores)
    assert card.n_params == 176_746 + 40 * 65  # 50 tags instead of 10
    assert card.cells()[-4:] == ("", "", "", "mtat_neacsu2024: 0.9032 / 0.6253")
    # The row of the study's best model, and its learning curve.
    assert scores["neacsu2024_d_gru", "mtat_neacsu2024", "recall_negative_class"] == 0.9176
    assert scores["neacsu2024_b_gru", "mtat_neacsu2024", "valid_accuracy"] == 0.8821


def test_weights_run_again_stand_beside_paper(rows: list[dict[str, str]]) -> None:
    again = {
        (row["model"], row["trained_on"], row["dataset"]): float(row["value"])
        for row in rows
        if "run again" in row["note"]
    }
    assert len(again) == 27  # three models, trained on and tested on three datasets
    assert again["musicnn", "mtat", "mtat"] == 0.9109
    assert again["sample_cnn_se", "msd", "msd"] == 0.88356
    assert again["fcn", "jamendo", "mtat"] == 0.863


def test_card_of_sample_cnn() -> None:
    card = model_cards.card("sample_cnn", model_cards.published())
    # Length of each layer's output before its pool, channels in, channels out, kernel.
    layers = [(59049 // 3, 1, 128, 3), (59049 // 3, 128, 128, 3), (59049 // 9, 128, 128, 3)]
    layers += [(59049 // 27, 128, 256, 3)]
    layers += [(59049 // 3**power, 256, 256, 3) for power in (4, 5, 6, 7, 8)]
    layers += [(3, 256, 512, 3), (1, 512, 512, 1), (1, 512, 50, 1)]
    macs = sum(length * n_in * n_out * kernel for length, n_in, n_out, kernel in layers)
    assert card.macs_per_second == pytest.approx(macs / (59049 / 16000), rel=1e-9)
    assert card.n_params == 1_869_874
    assert card.front_end == "waveform"
    assert card.cells()[3] == "3.69 s"
    assert card.cells()[-2:] == ("0.8208 / 0.2742", "")


def test_the_pages_show_the_cards() -> None:
    pages = readme.renewed(readme.tables())
    assert set(pages) == {"docs/datasets.md", "docs/models.md"}
    for page, text in pages.items():
        assert (readme.ROOT / page).read_text("utf-8") == text, (
            f"a table of {page} is out of date: python -m benchmark.catalog.readme --write"
        )


def test_every_model_and_dataset_has_a_card() -> None:
    assert [item.name for item in model_cards.cards()] == names("models")
    assert [item.name for item in dataset_cards.cards()] == names("datasets")


def test_card_of_a_published_dataset() -> None:
    card = dataset_cards.card("mtat")
    assert card.cells()[3:6] == ("50", "15,247 / 1,529 / 4,332", "171")
    assert (card.access, card.cite) == ("open", "law2009evaluation")


def test_block_is_replaced_and_nothing_else() -> None:
    text = "before\n<!-- x:start -->\nold\n<!-- x:end -->\nafter\n"
    renewed = readme.renew(text, "x", "new")
    assert renewed == "before\n<!-- x:start -->\nnew\n<!-- x:end -->\nafter\n"


@pytest.mark.parametrize("marks", ["", "s", "es", "sese"])
def test_markers_must_be_there(marks: str) -> None:
    text = "".join({"s": "<!-- x:start -->", "e": "<!-- x:end -->"}[mark] for mark in marks)
    with pytest.raises(TagbenchError, match="expected one line"):
        readme.renew(text, "x", "")
