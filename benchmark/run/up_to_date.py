"""Recognise a run that has nothing left to do, before torch and Lightning are imported.

After a run in which every cell is done, ``results/<dataset>/last_run.json`` holds the digests of
the request and of the files that the result depends on. The next run of the same matrix compares
digests only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchmark.config.identity import canonical
from benchmark.config.schema import DatasetFile, ModelFile
from benchmark.plan.matrix import Experiment
from benchmark.report import pipeline
from benchmark.run.preparation import corpus_summary
from benchmark.store import run_record
from benchmark.store.files import file_sha256, read_json, write_json
from benchmark.store.outputs import code_digest
from benchmark.store.store import Store
from datamodules.common.errors import TagbenchError

if TYPE_CHECKING:
    from benchmark.run.options import Options, Planned

LAST_RUN = "last_run.json"
_PACKAGES = ("datamodules", "lightning_modules", "benchmark")


@dataclass(frozen=True)
class LastRun:
    """Request of a finished run of one dataset, and the files that its result depends on.

    Attributes:
        request: Digest of the matrix, the options and the code, from :func:`request_digest`.
        summary: Line that describes the corpus.
        cells: Ids of the cells of the matrix.
        files: Digests of the corpus description, the run record and the clips, by path.
    """

    request: str
    summary: str
    cells: tuple[str, ...]
    files: Mapping[str, str]


def request_digest(experiment: Experiment, options: Options) -> str:
    """Return the digest of everything that determines the plan, or an empty string.

    It is empty where the plan depends on something that is known only after imports: audio of the
    user, a file that a parameter of a model names, imported checkpoints, a stage, or a class from
    outside these packages.
    """
    own = tuple(f"{package}." for package in _PACKAGES)
    named: list[DatasetFile | ModelFile] = [*experiment.datasets.values()]
    named += experiment.models.values()
    # What a stage reads beside the dataset is known only after its class is imported.
    staged = any(file.stage is not None for file in experiment.models.values())
    outside = staged or any(not file.class_path.startswith(own) for file in named)
    places = any({"data", "audio_dir"} & f.params.keys() for f in experiment.datasets.values())
    files = any(_names_a_file(file.params) for file in experiment.models.values())
    if outside or places or files or experiment.checkpoints or options.dataset_params:
        return ""
    document = {
        "datasets": {name: file.model_dump() for name, file in experiment.datasets.items()},
        "models": {name: file.model_dump() for name, file in experiment.models.items()},
        "presets": {n: [name, p.model_dump()] for n, (name, p) in experiment.presets.items()},
        "conditions": {
            name: [condition.labels() for condition in conditions]
            for name, conditions in experiment.conditions.items()
        },
        "seeds": list(experiment.seeds),
        "devices": [*options.devices] or _visible_gpus(),
        "data_root": str(options.data_root.resolve()),
        "audio": options.audio,
        "code": [code_digest(), _source_digest()],
    }
    return hashlib.sha256(canonical(document).encode()).hexdigest()


def _names_a_file(value: Any) -> bool:
    """Return whether a parameter, or a part of it, is the path of a file."""
    if isinstance(value, Mapping):
        return any(map(_names_a_file, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_names_a_file, value))
    return isinstance(value, str) and Path(value).is_file()


def remember(planned: Sequence[Planned], request: str, store: Store) -> None:
    """Write the record of a finished run; where cells are missing, remove that of an earlier one.

    Args:
        planned: Every dataset of the matrix.
        request: Result of :func:`request_digest`.
        store: Results folder.
    """
    for item in planned:
        summary = corpus_summary(item.dataset.name, item.corpus)
        path = run_record.folder(item.record.dataset, store) / LAST_RUN
        cells = tuple(cell.id for cell in item.plan.cells)
        if not request or any(state != "done" for state in store.states(cells).values()):
            path.unlink(missing_ok=True)
            continue
        inputs = [item.corpus.root / "corpus.json", path.with_name(run_record.RECORD)]
        inputs += sorted(file for file in (path.parent / "audio").glob("*") if file.is_file())
        digests = {str(file.resolve()): file_sha256(file) for file in inputs}
        write_json(path, asdict(LastRun(request, summary, cells, digests)))


def show_if_done(experiment: Experiment, options: Options, console: Console) -> bool:
    """Print the tables if every cell of the matrix is done; return whether that is the case."""
    request = request_digest(experiment, options)
    store = Store(options.results)
    last_runs = [_last_run(name, request, store) for name in experiment.datasets] if request else []
    runs = [run for run in last_runs if run is not None]
    if not runs or len(runs) < len(experiment.datasets):
        return False
    with store.lock():
        for run in runs:
            console.print(run.summary, highlight=False)
        total = sum(len(run.cells) for run in runs)
        console.print(f"{total} cells, {total} done, 0 to do", highlight=False)
        for name in experiment.datasets:
            pipeline.write_results(run_record.load(name, store), store, console, again=False)
    return True


def _last_run(dataset: str, request: str, store: Store) -> LastRun | None:
    """Return the record of a finished run if it has ``request`` and its files are unchanged."""
    try:
        content: dict[str, Any] = read_json(run_record.folder(dataset, store) / LAST_RUN)
        run = LastRun(**content)
        unchanged = all(file_sha256(Path(path)) == digest for path, digest in run.files.items())
    except (TagbenchError, OSError, TypeError):
        return None
    if run.request != request or not unchanged:
        return None
    return run if all(store.state(cell) == "done" for cell in run.cells) else None


def _visible_gpus() -> list[str]:
    """Return the names of the GPUs that a run without ``--devices`` would use."""
    names = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    return [*names, os.environ.get("CUDA_VISIBLE_DEVICES", "all")] if names else []


def _source_digest() -> str:
    """Return a digest of every source file, since a class may raise its revision."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        root = Path(str(files(package)))
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{package}/{path.relative_to(root)} {file_sha256(path)}\n".encode())
    return digest.hexdigest()
