"""Import pretrained encoders from folders as Hugging Face publishes them.

No code of a folder is run: the networks are those of the installed packages.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

import lightning_modules.encoders
from benchmark.checkpoints.checkpoint import save_checkpoint
from benchmark.checkpoints.hub import download
from benchmark.checkpoints.importer import Imported, LoadReport
from benchmark.checkpoints.torch_files import read_tensors
from benchmark.config.card import Source
from benchmark.config.identity import Architecture
from benchmark.store.files import file_sha256
from datamodules.common.errors import TagbenchError, unknown_name
from lightning_modules.frozen.encoder import FrozenEncoder

_EXTRACTOR = "preprocessor_config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_INDEX = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
# Facts on the file and not on the network, which would change ids for nothing.
_NO_SCIENCE = ("_name_or_path", "transformers_version", "torch_dtype", "dtype", "auto_map",
               "architectures", "_commit_hash", "processor_class")  # fmt: skip
_SHOWN = 10


def encoder_names() -> list[str]:
    """Return the names of all encoders, which are those of their files."""
    folder = lightning_modules.encoders.__path__
    return sorted(module.name for module in pkgutil.iter_modules(folder))


def encoder_class(name: str) -> type[FrozenEncoder]:
    """Return the class in the file of an encoder.

    Raises:
        TagbenchError: There is no such file.
    """
    if name not in encoder_names():
        raise unknown_name("encoder", name, encoder_names())
    module = importlib.import_module(f"lightning_modules.encoders.{name}")
    (cls,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, FrozenEncoder)
        if value.__module__ == module.__name__
    )
    return cls


def import_encoder(
    source: Path, model: str, out: Path, seconds: float | None = None, revision: str | None = None
) -> Imported:
    """Convert a folder of a pretrained encoder to the checkpoint ``<out>/<name of the folder>``.

    Args:
        source: Folder, or a name on the Hugging Face hub such as ``facebook/hubert-base-ls960``.
        model: Name of the encoder, see `encoder_names`.
        out: Folder in which the folder of the checkpoint is created.
        seconds: Length of the windows; by default that of the class.
        revision: Commit on the hub.

    Raises:
        TagbenchError: The folder is incomplete, of another model, or its weights do not fit.
    """
    cls = encoder_class(model)
    if source.is_dir() and revision is not None:
        raise TagbenchError(f"--revision names a commit on the hub, and {source} is a folder.")
    folder, commit = (source, "") if source.is_dir() else download(str(source), revision, cls)
    config = _config(cls, folder, model)
    cls.check_config(config)
    weights = _weights_file(folder)
    module, params = _build(cls, config, folder, _digest(weights), seconds)
    report = _load(module, weights, model)
    name = source.resolve().name if source.is_dir() else str(source).replace("/", "-")
    card = save_checkpoint(
        out / name,
        module,
        model=name,
        title=cls.title,
        dataset="",
        architecture=Architecture(
            identity=cls.identity, revision=cls.revision, params=params,
            sample_rate=module.sample_rate, window=module.input_samples,
        ),
        tags=(),
        windows="tiled",
        source=Source(file=weights.name, sha256=params["sha256"], revision=commit),
    )  # fmt: skip
    return Imported(out / name, card, report)


def _build(
    cls: type[FrozenEncoder],
    config: Mapping[str, Any],
    folder: Path,
    sha256: str,
    seconds: float | None,
) -> tuple[FrozenEncoder, dict[str, Any]]:
    """Build an encoder with any weights; return it, and the parameters that describe it."""
    kept = {name: folder / name for name in cls.kept_files if (folder / name).is_file()}
    extractor = folder / _EXTRACTOR
    params: dict[str, Any] = {
        "config": dict(config),
        "extractor": _json(extractor) if extractor.is_file() else {},
        "seconds": cls.default_seconds if seconds is None else seconds,
        "sha256": sha256,
        "files": {name: path.stat().st_size for name, path in kept.items()},
    }
    module = cls.build(seed=0, n_tags=0, **params)
    for name, path in kept.items():
        module.keep_file(name, path.read_bytes())
    return module, params


def _config(cls: type[FrozenEncoder], folder: Path, model: str) -> dict[str, Any]:
    """Return ``config.json`` without the entries that do not describe the network."""
    path = next((folder / n for n in cls.config_files if (folder / n).is_file()), None)
    if path is None:
        raise TagbenchError(
            f"{folder} is not the folder of a pretrained encoder: expected "
            f"{' or '.join(cls.config_files)} beside the weights. Download it too."
        )
    config = {name: value for name, value in _json(path).items() if name not in _NO_SCIENCE}
    found = config.get("model_type", "")
    if found not in cls.model_types:
        fitting = [n for n in encoder_names() if found and found in encoder_class(n).model_types]
        hint = f" Use --model {fitting[0]}." if fitting else ""
        raise TagbenchError(
            f"{path} describes a model of type {found!r}, and --model {model} reads "
            f"{' or '.join(repr(known) for known in cls.model_types)}.{hint}"
        )
    return config


def _weights_file(folder: Path) -> Path:
    """Return the file of the weights, or the index of several files."""
    candidates = [folder / name for name in (*_WEIGHTS, *_INDEX)]
    found = [path for path in candidates if path.is_file()]
    if not found:
        others = sorted(p for p in folder.iterdir() if p.suffix in (".safetensors", ".pt", ".bin"))
        if len(others) > 1:
            names = ", ".join(path.name for path in others)
            raise TagbenchError(
                f"{folder} has several files of weights: {names}. Keep one of them."
            )
        found = others
    if not found:
        raise TagbenchError(
            f"{folder} has no weights: expected {' or '.join(_WEIGHTS)}. Download it too."
        )
    return found[0]


def _shards(weights: Path) -> list[Path]:
    """Return the files that hold the tensors."""
    if weights.suffix != ".json":
        return [weights]
    names: Mapping[str, str] = _json(weights).get("weight_map", {})
    return [weights.with_name(name) for name in sorted(set(names.values()))]


def _digest(weights: Path) -> str:
    """Return the sha256 of a file of weights; of several, that of the text of their digests."""
    digests = [file_sha256(_existing(path)) for path in _shards(weights)]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()


def _load(module: FrozenEncoder, weights: Path, model: str) -> LoadReport:
    """Load weights; every learned tensor must be there, and nothing else."""
    tensors: dict[str, Tensor] = {}
    for path in _shards(weights):
        tensors |= _tensors(path)
    if lines := module.load_tensors(tensors):
        more = ["..."] * (len(lines) > _SHOWN)
        raise TagbenchError(
            f"{weights} does not hold the weights of --model {model} with this config.json. Wrong "
            f"entries, {len(lines)} in all:\n  " + "\n  ".join([*lines[:_SHOWN], *more])
        )
    loaded = tuple(name for name, _ in module.network.named_parameters())
    others = tuple(name for name in tensors if name.startswith(type(module).ignored))
    return LoadReport(loaded, (), (), (), ignored=others)


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".safetensors":
        return read_tensors(path)
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise TagbenchError(f"{path} cannot be read: {error}. Download it again.") from error


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise TagbenchError(f"{path} is missing: its index names it. Download it too.")
    return path


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TagbenchError(f"Cannot read {path}: {error}. Download it again.") from error
    if not isinstance(content, dict):
        raise TagbenchError(f"Cannot read {path}: expected a mapping. Download it again.")
    return content
