"""Import published weights, see `layouts` for the publications.

The layers have the names of the reference implementations. Constants of the front end (window, mel
filter bank) are rebuilt and not read from the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from benchmark.checkpoints.checkpoint import save_checkpoint
from benchmark.checkpoints.layouts import MODEL_ALIASES, Layout, find_layout
from benchmark.checkpoints.musicnn_wheel import is_wheel, read_wheel
from benchmark.checkpoints.torch_files import read_tensors
from benchmark.config.card import CheckpointCard, Source
from benchmark.config.models import ResolvedModel, network_names
from benchmark.config.schema import ModelFile
from benchmark.experiment_files import find, load
from benchmark.store.files import file_sha256
from datamodules.common.errors import TagbenchError
from datamodules.labels.vocabularies import VOCABULARIES, check_tags
from lightning_modules.base import TaggingModule
from lightning_modules.frontends import FrontEnd
from lightning_modules.frontends.log_mel import LogMel

_WINDOW, _MEL = ("spectrogram.window", "spec.window"), "mel_scale.fb"
_SAME_CONSTANT = 1e-3  # stored mel filterbanks of old torchaudio versions are off by 1e-5


@dataclass(frozen=True)
class LoadReport:
    """Result of the import for every entry of a file.

    Attributes:
        loaded: Names of the tensors that were loaded.
        regenerated: Names of constants of the front end that are rebuilt instead of read.
        missing: Entries of the model that the file lacks and that are not learned.
        unexpected: Entries of the file that the model does not have.
        ignored: Entries of the file that belong to other networks or to the training.
        notes: Remarks for the user.
    """

    loaded: tuple[str, ...]
    regenerated: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """A checkpoint that was written, and the report of its import."""

    folder: Path
    card: CheckpointCard
    report: LoadReport


def import_checkpoint(
    file: Path, model: str, dataset: str, out: Path, tags: Sequence[str] | None = None
) -> Imported:
    """Convert a file of published weights to the checkpoint ``<out>/<model>-<dataset>``.

    The file determines the number of tags and the size of the architecture: if its tensors are
    those of another YAML of the same class, that YAML is used and noted in the report.

    Args:
        file: File written by ``torch.save``, or the wheel ``musicnn``.
        model: Name of a model's YAML, or of the architecture in its publication.
        dataset: Training dataset: a label, and the name of a published list of tags.
        out: Folder in which the folder of the checkpoint is created.
        tags: Names of the outputs in order, for a dataset without a published list.

    Raises:
        TagbenchError: The file is not a checkpoint, a learned tensor is missing or has another
            shape, or the number of tags differs.
    """
    resolved = _resolve(MODEL_ALIASES.get(model, model))
    entries, layout = _read(file, resolved.name, dataset)
    tensors, ignored = layout.apply(entries)
    label = dataset if tags else layout.datasets.get(dataset.lower(), dataset)
    names = _tags(label, tags, len(layout.output_layer(tensors)))
    resolved, module, report = _load_into_any(resolved, tensors, len(names), file)
    folder = out / f"{resolved.name}-{label}"
    card = save_checkpoint(
        folder,
        module,
        model=resolved.name,
        title=load(find("models", resolved.name), ModelFile).title or module.title,
        dataset=label,
        architecture=resolved.architecture,
        tags=names,
        windows=layout.windows,
        source=Source(file=file.name, sha256=file_sha256(file)),
    )
    if label != dataset.lower() and dataset.lower() in VOCABULARIES:
        note = (
            f"The weights of {layout.source} predict the tags of {label}. For weights that were "
            "trained on other tags, name the tags with --tags FILE."
        )
        report = replace(report, notes=(note, *report.notes))
    return Imported(folder, card, replace(report, ignored=ignored))


def _read(file: Path, model: str, dataset: str) -> tuple[dict[str, Tensor], Layout]:
    """Return the entries of a file, and the layout of their names."""
    if is_wheel(file):
        return read_wheel(file, model, dataset)
    entries = read_tensors(file)
    return entries, find_layout(entries, file)


def _resolve(name: str) -> ResolvedModel:
    return ResolvedModel.named(name)


def _tags(dataset: str, given: Sequence[str] | None, n_outputs: int) -> tuple[str, ...]:
    if given is None and dataset not in VOCABULARIES:
        raise TagbenchError(
            f"The tags of dataset {dataset!r} are not known. Name the {n_outputs} outputs in order "
            f"with --tags FILE, one per line, or use one of {', '.join(sorted(VOCABULARIES))}."
        )
    where = "--tags" if given is not None else f"dataset {dataset!r}"
    tags = check_tags(VOCABULARIES[dataset] if given is None else given, where)
    if len(tags) != n_outputs:
        raise TagbenchError(
            f"The checkpoint has {n_outputs} outputs, but {where} names {len(tags)} tags. Name all "
            "outputs in order with --tags FILE, one per line."
        )
    return tags


def _load_into_any(
    requested: ResolvedModel, tensors: Mapping[str, Tensor], n_tags: int, file: Path
) -> tuple[ResolvedModel, TaggingModule, LoadReport]:
    """Load into the requested model, or into the YAML of the same class with the same sizes."""
    module = requested.build(n_tags)
    problems, report = load_reference_state(module, tensors)
    if not problems:
        return requested, module, report
    fitting = []
    for name in network_names():
        other = _resolve(name)
        candidate = other.build(n_tags)
        wrong, report = load_reference_state(candidate, tensors)
        if wrong or report.unexpected:
            continue
        if other.cls is requested.cls:
            note = f"The tensors are those of {name}, another size of {requested.name}."
            return other, candidate, replace(report, notes=(note, *report.notes))
        fitting.append(name)
    hint = f" The tensors fit --model {' or '.join(fitting)}." if fitting else ""
    shown = "\n  ".join([*problems[:10], *(["..."] if len(problems) > 10 else [])])
    raise TagbenchError(
        f"{file} does not fit model {requested.name}.{hint}\nWrong entries, {len(problems)} in all:"
        f"\n  {shown}"
    )


def load_reference_state(
    module: TaggingModule, tensors: Mapping[str, Tensor]
) -> tuple[list[str], LoadReport]:
    """Copy a state dict of the reference into a module.

    Args:
        module: Model that receives the weights. It is partly filled if there are problems.
        tensors: Tensors by the names of the reference.

    Returns:
        One line for each tensor that does not fit, and the report on all entries.
    """
    state = module.state_dict()
    learned = {name for name, _ in module.named_parameters()}
    learned |= {name for name in state if name.endswith((".running_mean", ".running_var"))}
    problems, notes, missing = [], [], []
    loaded, regenerated, unexpected = [], [], []
    for name, target in state.items():
        tensor = tensors.get(name)
        if tensor is None and name in learned:
            problems.append(f"{name}: expected {_shape(target)}, missing in the file")
        elif tensor is None:
            missing.append(name)
        elif tensor.shape != target.shape:
            problems.append(f"{name}: expected {_shape(target)}, got {_shape(tensor)}")
        elif not tensor.isfinite().all():
            problems.append(f"{name}: contains NaN or infinity")
        else:
            target.copy_(tensor)
            loaded.append(name)
    if not loaded:
        problems.append("the model has none of the tensors of the file")
    front = next((child for child in module.modules() if isinstance(child, FrontEnd)), None)
    for name, constant in tensors.items():
        if name in state:
            continue
        if front is None or not name.endswith((*_WINDOW, _MEL)):
            unexpected.append(name)
            continue
        regenerated.append(name)
        problem, note = _compare(name, constant, front)
        problems.extend(problem)
        notes.extend(note)
    parts = (tuple(loaded), tuple(regenerated), tuple(missing), tuple(unexpected))
    return problems, LoadReport(*parts, notes=tuple(notes))


def _compare(name: str, constant: Tensor, front: FrontEnd) -> tuple[list[str], list[str]]:
    """Compare a stored constant with the rebuilt one; return problems and notes."""
    mel = name.endswith(_MEL)
    if constant.numel() == 0:
        return [], []  # old versions of torchaudio store an empty filter bank
    if not isinstance(front, LogMel):
        return ([f"{name}: the front end {front.name!r} has no mel filterbank"] if mel else []), []
    if mel and constant.ndim == 2 and constant.shape[1] != front.bands:
        return [f"{name}: expected {front.bands} mel bands, got {constant.shape[1]}"], []
    rebuilt = front.mel.mel_basis.T if mel else front.mel.stft.window_mask.flatten()
    rebuilt = rebuilt.detach()
    if constant.shape != rebuilt.shape:
        note = f"{name} has the shape {_shape(constant)}, the rebuilt one {_shape(rebuilt)}"
    elif (difference := float((constant.to(rebuilt) - rebuilt).abs().max())) > _SAME_CONSTANT:
        note = f"{name} differs from the rebuilt one by {difference:.2g}"
    else:
        return [], []
    return [], [f"{note}: the weights may have been trained on another front end."]


def _shape(tensor: Tensor) -> str:
    return "(" + ", ".join(str(size) for size in tensor.shape) + ("," * (tensor.ndim == 1)) + ")"
