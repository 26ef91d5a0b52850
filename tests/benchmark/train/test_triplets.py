"""A retrieval model as a cell: trained tags, scores of all tags, and the identity of its words."""

from __future__ import annotations

import pytest

from benchmark.checkpoints.cell_copy import copy_checkpoint
from benchmark.checkpoints.checkpoint import load_checkpoint
from benchmark.plan import build as plan
from benchmark.plan.jobs import Job
from benchmark.plan.models import imported_model
from benchmark.run import preparation
from benchmark.store.cell_kinds import ImportCell, TrainCell
from benchmark.store.cells import Labels
from benchmark.store.store import Store
from tests.support.small_experiment import SmallExperiment, run_job, select


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallExperiment:
    root = tmp_path_factory.mktemp("triplets")
    return SmallExperiment(root, root)


def planned(small: SmallExperiment, words: str) -> TrainCell:
    """Write the words and the model file, and return the training."""
    tags = small.corpus.tags
    lines = [f"{tag} {at} {words}\n" for at, tag in enumerate(tags)]
    (small.root / "glove.txt").write_text("".join(lines), encoding="utf-8")
    path = small.root / "retrieval.yaml"
    path.write_text(
        "class: tests.support.small_retrieval.SmallRetrieval\n"
        "stage:\n"
        "  class: lightning_modules.stages.triplet.Triplet\n"
        f"  params: {{words: {small.root / 'glove.txt'}, trained_tags: [{tags[0]}, {tags[2]}]}}\n",
        encoding="utf-8",
    )
    experiment = small.check([str(path)])
    models = preparation.resolve_models(experiment)
    cells = plan.build(experiment, small.dataset, small.corpus, models)
    return select(cells.training, model="retrieval")[0]


def test_cell_states_the_tags_that_it_was_trained_on(small: SmallExperiment) -> None:
    tags = small.corpus.tags
    cell = planned(small, "1")
    store = Store(small.results_root / "first")
    store.register(cell)
    events = run_job(Job((cell,), "train"), small.runtime("first"))
    assert events[-1] == {"event": "done", "cell": cell.id}, store.failure(cell.id)
    assert store.metrics(cell.id)["trained_tags"] == [tags[0], tags[2]]
    assert store.trained_tags([cell.id]) == (tags[0], tags[2])
    model, card = load_checkpoint(store.folder(cell.id))
    assert card.tags == tags
    assert model.word_vectors[:, 0].tolist() == list(range(len(tags)))
    # A copy of the cell as a checkpoint of another benchmark states them too.
    imported = imported_model("retrieval", store.folder(cell.id))
    labels = Labels("folder", small.corpus.task, "tiny", "retrieval", 0)
    copy = ImportCell(labels, imported.launch, imported.identity)
    store.register(copy)
    copy_checkpoint(copy, store)
    assert store.trained_tags([copy.id]) == (tags[0], tags[2])
    # Another file of words is another training, and must not be taken for the planned one.
    assert planned(small, "2").id != cell.id
    store = Store(small.results_root / "second")
    store.register(cell)
    run_job(Job((cell,), "train"), small.runtime("second"))
    failure = store.failure(cell.id)
    assert failure is not None
    assert "has changed since the cell was planned" in failure["message"]
