"""Fixtures shared by the tests of dataset descriptions."""

from __future__ import annotations

import pytest

from datamodules.corpus.corpus import Corpus


@pytest.fixture(scope="session")
def corpus(smoke_corpus: Corpus) -> Corpus:
    """The corpus that is described."""
    return smoke_corpus
