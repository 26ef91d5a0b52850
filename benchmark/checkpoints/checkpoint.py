"""Checkpoints: weights with a card that describes them, usable without a dataset.

A checkpoint is a folder with ``model.safetensors`` and ``card.json``. The folder of a finished
training cell can be read as a checkpoint too.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from benchmark.config.card import CARD, WEIGHTS, CheckpointCard, Source, read_card
from benchmark.config.classes import import_class
from benchmark.config.identity import Architecture
from benchmark.store.cells import BEST
from benchmark.store.files import file_sha256, read_json, write_json
from datamodules.common.errors import TagbenchError
from datamodules.common.filesystem import replace_file
from datamodules.views.base import View
from lightning_modules.base import TaggingModule
from lightning_modules.inputs import InputSpec


def save_checkpoint(folder: Path, module: TaggingModule, **facts: Any) -> CheckpointCard:
    """Write weights and card. The card is written last, and completes the checkpoint.

    Args:
        folder: Folder of the checkpoint; it is created.
        module: Model whose weights are written.
        **facts: Fields of the card, except those that the module or its weights determine.
    """
    # Weights are stored in the default layout: channels-last is not a property of the model.
    state = {name: value.detach().contiguous() for name, value in module.state_dict().items()}
    weights = safetensors.torch.save(state)
    card = CheckpointCard(
        paper=type(module).paper,
        class_path=f"{type(module).__module__}.{type(module).__qualname__}",
        n_tags=module.n_tags,
        task=module.task,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        **facts,
    )
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / WEIGHTS, weights)
    write_json(folder / CARD, card.model_dump(mode="json"))
    return card


def load_checkpoint(path: Path, device: str = "cpu") -> tuple[TaggingModule, CheckpointCard]:
    """Load a checkpoint in evaluation mode.

    Args:
        path: Folder of a checkpoint, folder of a finished training cell, or a file in either.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:<index>"``.

    Raises:
        TagbenchError: There is no checkpoint, it is damaged, or it does not fit the class.
    """
    folder = path.parent if path.name in (WEIGHTS, CARD, BEST) else path
    card, state = _read(folder, path)
    module = card.build()
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise TagbenchError(
            f"The weights in {folder} do not fit {card.class_path}: {error}"
        ) from error
    return module.eval().to(torch_device(device)), card


def _read(folder: Path, given: Path) -> tuple[CheckpointCard, dict[str, torch.Tensor]]:
    """Return the card and the weights of a checkpoint, or of a finished training cell.

    Args:
        folder: Its folder.
        given: The path that was asked for, for errors.
    """
    if (folder / CARD).is_file():
        card = read_card(folder)
        return card, _imported_weights(folder, card)
    if (folder / "cell.json").is_file():
        card = _cell_card(folder)
        state = _trained_weights(folder, card)
        return card, _weights_of_parents(folder, card, state) | state
    raise TagbenchError(
        f"{given} is not a checkpoint: expected a folder with {CARD}, or results/cells/<id> of "
        "a trained model. Fetch pretrained taggers with tagbench pretrained, or import a file: "
        "tagbench import-checkpoint FILE --model MODEL --dataset DATASET"
    )


def _weights_of_parents(
    folder: Path, card: CheckpointCard, state: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return the weights that a cell leaves to the cells of its parents.

    A frozen encoder has its own cell, which all models on it share.
    """
    found: dict[str, torch.Tensor] = {}
    parents = read_json(folder / "cell.json")["preimage"].get("parents", {})
    for part in card.architecture_class().built_on:
        if part not in parents or any(name.startswith(f"{part}.") for name in state):
            continue
        parent = folder.with_name(parents[part])
        if not parent.is_dir():
            raise TagbenchError(
                f"The {part} of the model in {folder} is missing: expected {parent}. Copy this "
                "folder too, or run again: tagbench run"
            )
        found |= {f"{part}.{name}": value for name, value in _read(parent, parent)[1].items()}
    return found


def stored_view(folder: Path) -> View:
    """Return what the model of a checkpoint or of a finished training cell sees of a track.

    The weights are not read.
    """
    card = read_card(folder) if (folder / CARD).is_file() else _cell_card(folder)
    cls = import_class(card.class_path, TaggingModule, str(folder))
    spec: InputSpec = cls.input_spec(**card.architecture.params, **card.parts)
    return spec.source


def torch_device(name: str) -> torch.device:
    """Return the device called ``name``; an empty name means the first GPU, else the CPU.

    Raises:
        TagbenchError: There is no such device.
    """
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: a torch without CUDA
        reason = str(error).splitlines()[0]
        raise TagbenchError(
            f"--device {name}: {reason} Valid: cpu, or cuda:<index> where there is a GPU."
        ) from error
    return device


def _imported_weights(folder: Path, card: CheckpointCard) -> dict[str, torch.Tensor]:
    path = folder / WEIGHTS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TagbenchError(f"Cannot read {path}: {error.strerror}. Import it again.") from error
    if hashlib.sha256(content).hexdigest() != card.weights_sha256:
        raise TagbenchError(
            f"{path} does not match the digest in its card: it was damaged or replaced. "
            "Import it again."
        )
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise TagbenchError(f"{path} contains no weights: {error}. Import it again.") from error


def _cell_card(folder: Path) -> CheckpointCard:
    """Return the card of the model of a finished training cell."""
    cell = read_json(folder / "cell.json")
    if cell["kind"] != "train":
        raise TagbenchError(
            f"{folder} holds an evaluation. The model it evaluates is "
            f"{folder.with_name(str(cell['preimage']['train']))}."
        )
    if not (folder / "metrics.json").is_file():
        raise TagbenchError(f"The training in {folder} is not finished. Finish it: tagbench run")
    metrics = read_json(folder / "metrics.json")
    if "tags" not in metrics:
        raise TagbenchError(f"{folder / 'metrics.json'} names no tags: train the model again.")
    preimage, labels = cell["preimage"], cell["labels"]
    architecture = Architecture.model_validate(preimage["architecture"])
    class_path = cell["launch"]["model_class"]
    cls = import_class(class_path, TaggingModule, str(folder))
    digest = metrics["files"][BEST]
    return CheckpointCard(
        model=labels["model"],
        title=cls.title,
        paper=cls.paper,
        dataset=labels["dataset"],
        task=preimage["inputs"]["task"],
        class_path=class_path,
        architecture=architecture,
        parts=cell["launch"].get("model_params", {}),
        n_tags=len(metrics["tags"]),
        tags=tuple(metrics["tags"]),
        windows="tiled",
        source=Source(file=BEST, sha256=digest),
        weights_sha256=digest,
    )


def _trained_weights(folder: Path, card: CheckpointCard) -> dict[str, torch.Tensor]:
    path = folder / BEST
    if not path.is_file() or file_sha256(path) != card.weights_sha256:
        raise TagbenchError(f"{path} is missing or damaged. Train it again: tagbench run")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TagbenchError(f"{path} cannot be read: {error}") from error
    state: dict[str, torch.Tensor] = checkpoint["state_dict"]
    return state
