"""Published scores that hold for a dataset."""

from __future__ import annotations

from benchmark.config.schema import DatasetFile
from benchmark.experiment_files import find, load
from benchmark.published_scores import PublishedScore, read_published
from datamodules.common.errors import TagbenchError


def published_test_scores(dataset: str) -> list[PublishedScore]:
    """Return the published scores on the test split of a dataset, see `published_name`."""
    key = (published_name(dataset), "test")
    return [score for score in read_published() if (score.dataset, score.split) == key]


def published_name(dataset: str) -> str:
    """Return the name under which publications are listed that hold for a dataset.

    Args:
        dataset: Name of the dataset. If its file names another one as ``published_as``, that of the
            other one is returned.
    """
    try:
        return load(find("datasets", dataset), DatasetFile).published_as or dataset
    except TagbenchError:  # a file of the user, of which the results keep the name only
        return dataset
