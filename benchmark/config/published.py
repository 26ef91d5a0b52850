"""Published scores that hold for a dataset."""

from __future__ import annotations

from benchmark.config.schema import DatasetFile
from benchmark.experiment_files import find, load
from benchmark.published_scores import PublishedScore, read_published
from datamodules.common.errors import TagbenchError


def published_test_scores(dataset: str) -> list[PublishedScore]:
    """Return the published scores on the test split of a dataset.

    Args:
        dataset: Name of the dataset. If its file names another one as ``published_as``, the scores
            of that one are returned.
    """
    try:
        name = load(find("datasets", dataset), DatasetFile).published_as or dataset
    except TagbenchError:  # a file of the user, of which the results keep the name only
        name = dataset
    return [score for score in read_published() if (score.dataset, score.split) == (name, "test")]
