"""The bibliography of a report: entries of models, datasets, tools and protocols."""

from __future__ import annotations

import re

import pytest

from benchmark.config.classes import import_class
from benchmark.config.schema import DatasetFile, ModelFile
from benchmark.experiment_files import find, load, names
from benchmark.report.bibliography import METHODS, TOOLS, entries, key_of, merged, split, tools
from tests.support.bibtex import entries_of, fields_of

ENTRY = "@misc{one, title={A {B}}, year={2020}}"


@pytest.fixture(scope="module")
def texts():
    """BibTeX of each model and dataset of the suite, by kind and name."""
    from datamodules.base import TaggingDataModule
    from lightning_modules.base import TaggingModule

    def cls(kind, name, schema, base):
        return import_class(load(find(kind, name), schema).class_path, base, name)

    return {
        ("models", name): cls("models", name, ModelFile, TaggingModule).bibtex
        for name in names("models")
    } | {
        ("datasets", name): cls("datasets", name, DatasetFile, TaggingDataModule).citation
        for name in names("datasets")
    }


def test_every_model_and_dataset_of_the_suite_has_an_entry(texts):
    uncited = {name for (_, name), text in texts.items() if not split(text)}
    # A constant and a local folder have no paper; the synthetic datasets are this project's.
    synthetic = {"synth", "synth_few", "synth_genre", "synth_smoke", "synth_unlabelled"}
    assert uncited <= {"tag_prior", "folder", "my_music", *synthetic}
    assert not any(text.strip() for (_, name), text in texts.items() if name in uncited)
    for text in texts.values():
        entries_of(text)
    references = entries_of(merged([*texts.values(), *tools({"suite", "won2020"}, {"pitch_up"})]))
    expected = {"won2020evaluation", "law2009evaluation", "tagbench", "paszke2019pytorch"}
    assert expected <= set(references)


def test_one_key_is_one_work(texts):
    """Of two entries with one key the first is kept: they must be the same work."""
    titles = {}
    for entry in split("\n".join([*texts.values(), *entries().values()])):
        _, key, fields = fields_of(entry)
        title = re.sub(r"[{}\s]+", " ", fields["title"]).split()
        assert titles.setdefault(key, title) == title, key


def test_the_tools_of_the_perturbations_are_cited():
    def keys(protocols, perturbations):
        return {key_of(entry) for entry in tools(protocols, perturbations)}

    engines = {TOOLS[name] for name in ("audiomentations", "python-stretch", "librosa")}
    audiomentations, stretch, librosa = (
        TOOLS[name] for name in ("audiomentations", "python-stretch", "librosa")
    )
    mce, won = "hendrycks2019benchmarking", "won2020evaluation"
    clean = keys(set(), set())
    assert "tagbench" in clean
    assert not clean & {*engines, mce, won}
    assert keys({"suite"}, {"white_noise"}) - clean == {audiomentations, mce}
    assert keys({"suite"}, {"pitch_up"}) - clean == {audiomentations, stretch, mce}
    published = keys({"won2020"}, {"won2020_pitch_shift", "won2020_time_stretch"}) - clean
    assert published == {audiomentations, librosa, mce, won}
    assert keys({"won2020"}, {"won2020_white_noise"}) - clean == {audiomentations, mce, won}
    chain = keys({"custom"}, {"compression:3>time_slower:2"}) - clean
    assert chain == {audiomentations, stretch, mce}
    assert keys({"custom"}, {"phone"}) - clean == {audiomentations, mce}  # its links are not listed


def test_merging_keeps_the_first_entry_of_a_key_and_drops_text_between_entries():
    other = "@book{two,\n title={C}\n}"
    text = merged([f"{ENTRY}\n% a remark\n", "no entry", f"{other}\n@misc{{one, title={{D}}}}"])
    assert list(entries_of(text)) == ["one", "two"]
    assert "{A {B}}" in text
    assert "{D}" not in text


def test_every_tool_and_method_has_an_entry():
    assert set(TOOLS.values()) | set(METHODS.values()) == set(entries())
