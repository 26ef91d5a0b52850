"""Read the weights of Pons and Serra 2019 from the Python wheel ``musicnn``.

The wheel is a zip archive. Only the files named here are read, after their sizes were checked; zip
verifies their checksums. Nothing of the wheel is installed or run.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.checkpoints.layouts import Layout
from benchmark.checkpoints.tf_bundle import BundleError, read_bundle
from datamodules.common.errors import TagbenchError

FILE, VERSION = "musicnn-0.1.0-py3-none-any.whl", "0.1.0"
SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"

_FOLDERS = {"mtat": "MTT", "msd": "MSD"}
_NETWORKS = {"pons_musicnn": "musicnn", "pons_vgg": "vgg"}
_INDEX, _DATA = ".index", ".data-00000-of-00001"
_MOST_BYTES = {_INDEX: 2**20, _DATA: 2**27}

_OF_TRAINING = ("/Adam", "/Adam_1", "beta1_power", "beta2_power")
_RENAMED = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}

_SOURCE = "Pons and Serra 2019"
_DATASETS = {"mtat": "mtat", "magnatagatune": "mtat", "mtt": "mtat", "msd": "msd"}
_LAYOUTS = {
    "pons_musicnn": Layout(
        source=_SOURCE,
        heads=("dense_1.weight",),
        renamed={
            "batch_normalization.": "input_bn.",
            "conv2d.": "timbral.0.conv.",
            "batch_normalization_1.": "timbral.0.bn.",
            "conv2d_1.": "timbral.1.conv.",
            "batch_normalization_2.": "timbral.1.bn.",
            "conv2d_2.": "temporal.0.conv.",
            "batch_normalization_3.": "temporal.0.bn.",
            "conv2d_3.": "temporal.1.conv.",
            "batch_normalization_4.": "temporal.1.bn.",
            "conv2d_4.": "temporal.2.conv.",
            "batch_normalization_5.": "temporal.2.bn.",
            "conv2d_5.": "cnn1.conv.",
            "batch_normalization_6.": "cnn1.bn.",
            "conv2d_6.": "cnn2.conv.",
            "batch_normalization_7.": "cnn2.bn.",
            "conv2d_7.": "cnn3.conv.",
            "batch_normalization_8.": "cnn3.bn.",
            "batch_normalization_9.": "pool_bn.",
            "batch_normalization_10.": "dense_bn.",
            "dense_1.": "output.",
        },
        datasets=_DATASETS,
        windows="musicnn",
    ),
    "pons_vgg": Layout(
        source=_SOURCE,
        heads=("dense.weight",),
        renamed={
            "batch_normalization.": "input_bn.",
            **{f"{k + 1}CNN.": f"blocks.{k}.conv." for k in range(5)},
            **{f"batch_normalization_{k + 1}.": f"blocks.{k}.bn." for k in range(5)},
            "dense.": "output.",
        },
        datasets=_DATASETS,
        windows="musicnn",
    ),
}


def is_wheel(path: Path) -> bool:
    """Tell whether a file is named as a Python wheel."""
    return path.suffix == ".whl"


def read_wheel(path: Path, model: str, dataset: str) -> tuple[dict[str, Tensor], Layout]:
    """Return the tensors of one of the four taggers, in the layout of torch, and their names.

    Args:
        path: The wheel.
        model: ``pons_musicnn`` or ``pons_vgg``.
        dataset: Training dataset: ``mtat`` or ``msd``.

    Raises:
        TagbenchError: The wheel has no such tagger, is damaged, or is another one.
    """
    layout = _LAYOUTS.get(model)
    label = layout.datasets.get(dataset.lower(), dataset.lower()) if layout else dataset
    if layout is None or label not in _FOLDERS:
        raise TagbenchError(
            f"{path.name} holds no {model} that was trained on {dataset!r}. A wheel of musicnn "
            f"holds --model {' and '.join(_NETWORKS)} for --dataset {' and '.join(_FOLDERS)}."
        )
    folder = f"musicnn/{_FOLDERS[label]}_{_NETWORKS[model]}"
    index, data = _members(path, [f"{folder}/{suffix}" for suffix in (_INDEX, _DATA)])
    try:
        bundle = read_bundle(index, data)
    except BundleError as error:
        raise TagbenchError(f"{folder} in {path} cannot be read: {error}.") from error
    return _torch_tensors(bundle, path), layout


def _members(path: Path, names: list[str]) -> list[bytes]:
    """Return the content of files of the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                size, most = archive.getinfo(name).file_size, _most_bytes(name)
                if size > most:
                    raise TagbenchError(
                        f"{path} cannot be read: {name} would have {size} bytes, and at most "
                        f"{most} are expected."
                    )
            return [archive.read(name) for name in names]
    except KeyError as error:
        raise TagbenchError(f"{path} is not {FILE}: it has no {names[0]}.") from error
    # zipfile raises NotImplementedError for an unknown compression, RuntimeError for encryption.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise TagbenchError(f"{path} is damaged: {error}. Download it again.") from error
    except OSError as error:
        raise TagbenchError(f"Cannot read {path}: {error.strerror}.") from error


def _most_bytes(name: str) -> int:
    return next(most for suffix, most in _MOST_BYTES.items() if name.endswith(suffix))


def _torch_tensors(bundle: Mapping[str, NDArray[np.float32]], path: Path) -> dict[str, Tensor]:
    tensors = {}
    for variable, values in bundle.items():
        if variable.endswith(_OF_TRAINING):
            continue
        layer, _, kind = variable.rpartition("/")
        tensors[f"{layer}.{_RENAMED.get(kind, kind)}"] = torch.from_numpy(_in_torch(values, layer))
    if not tensors:
        raise TagbenchError(f"{path} has no weights in the place of those of {FILE}.")
    return tensors


def _in_torch(values: NDArray[np.float32], layer: str) -> NDArray[np.float32]:
    """Reorder the axes of a weight from TensorFlow's to torch's.

    A kernel (frames, bands, in, out) becomes (out, in, bands, frames). Those of the convolutions
    along the frames, (frames, in, 1, out), become (out, in, frames).
    """
    if values.ndim == 2:
        return np.ascontiguousarray(values.T)
    if values.ndim != 4:
        return values
    if layer in ("conv2d_5", "conv2d_6", "conv2d_7"):
        return np.ascontiguousarray(values[:, :, 0].transpose(2, 1, 0))
    return np.ascontiguousarray(values.transpose(3, 2, 1, 0))
