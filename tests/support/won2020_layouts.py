"""State dicts of the nine published architectures, as a table of names and shapes.

Written from the description of the reference's layers and not from our modules, so that the
importer is checked against something it did not make. Values are random.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Layout:
    model: str
    n_entries: int
    n_learned: int  # published number of parameters at 50 tags
    constants: tuple[str, ...]
    shapes: Shapes

    def tensors(self, seed: int = 0) -> dict[str, Tensor]:
        made = torch.Generator().manual_seed(seed)
        state: dict[str, Tensor] = {}
        for name, shape in self.shapes.items():
            if name.endswith("num_batches_tracked"):
                state[name] = torch.tensor(1234)
            else:
                state[name] = torch.rand(shape, generator=made) + 0.5
        return state


def affine(name: str, *shape: int) -> Shapes:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def norm(name: str, n: int) -> Shapes:
    stats = {f"{name}.running_mean": (n,), f"{name}.running_var": (n,)}
    return affine(name, n) | stats | {f"{name}.num_batches_tracked": ()}


def conv(name: str, n_in: int, n_out: int, *kernel: int) -> Shapes:
    return affine(f"{name}.conv", n_out, n_in, *kernel) | norm(f"{name}.bn", n_out)


def res(name: str, n_in: int, n_out: int, *kernel: int, shortcut: bool = True) -> Shapes:
    shapes = affine(f"{name}.conv_1", n_out, n_in, *kernel) | norm(f"{name}.bn_1", n_out)
    shapes |= affine(f"{name}.conv_2", n_out, n_out, *kernel) | norm(f"{name}.bn_2", n_out)
    if shortcut:
        shapes |= affine(f"{name}.conv_3", n_out, n_in, *kernel) | norm(f"{name}.bn_3", n_out)
    return shapes


def squeeze(name: str, n_in: int, n_out: int, kernel: int, *, shortcut: bool) -> Shapes:
    shapes = res(name, n_in, n_out, kernel, shortcut=shortcut)
    shapes |= affine(f"{name}.dense1", n_out, n_out)
    return shapes | affine(f"{name}.dense2", n_out, n_out)


def mel(n_mels: int) -> Shapes:
    constants = {"spec.spectrogram.window": (512,), "spec.mel_scale.fb": (257, n_mels)}
    return constants | norm("spec_bn", 1)


def head(n_in: int, n_hidden: int) -> Shapes:
    hidden = affine("dense1", n_hidden, n_in) | norm("bn", n_hidden)
    return hidden | affine("dense2", 50, n_hidden)


def fcn(n_mels: int = 96) -> Shapes:
    shapes = mel(n_mels)
    for at, (n_in, n_out) in enumerate([(1, 64), (64, 128), (128, 128), (128, 128), (128, 64)], 1):
        shapes |= conv(f"layer{at}", n_in, n_out, 3, 3)
    return shapes | affine("dense", 50, 64)


def musicnn(n_channels: int = 64, n_hidden: int = 200) -> Shapes:
    shapes = mel(96)
    shapes |= conv("layers.0", 1, 204, 67, 7) | conv("layers.1", 1, 204, 38, 7)
    for at, length in ((2, 129), (3, 65), (4, 33)):
        shapes |= conv(f"layers.{at}", 1, 51, length)
    shapes |= conv("layer1", 561, n_channels, 7)
    shapes |= conv("layer2", n_channels, n_channels, 7)
    shapes |= conv("layer3", n_channels, n_channels, 7)
    return shapes | head(2 * (561 + 3 * n_channels), n_hidden)


def crnn() -> Shapes:
    shapes = mel(96)
    for at, (n_in, n_out) in enumerate([(1, 64), (64, 128), (128, 128), (128, 128)], 1):
        shapes |= conv(f"layer{at}", n_in, n_out, 3, 3)
    for layer, n_in in ((0, 128), (1, 32)):
        shapes |= {
            f"layer5.weight_ih_l{layer}": (96, n_in),
            f"layer5.weight_hh_l{layer}": (96, 32),
            f"layer5.bias_ih_l{layer}": (96,),
            f"layer5.bias_hh_l{layer}": (96,),
        }
    return shapes | affine("dense", 50, 32)


SAMPLE_WIDTHS = [1, 128, 128, 128, 256, 256, 256, 256, 256, 256, 512]


def sample() -> Shapes:
    shapes: Shapes = {}
    for at in range(1, 11):
        shapes |= conv(f"layer{at}", SAMPLE_WIDTHS[at - 1], SAMPLE_WIDTHS[at], 3)
    return shapes | conv("layer11", 512, 512, 1) | affine("dense", 50, 512)


def se() -> Shapes:
    shapes: Shapes = {}
    for at in range(1, 11):
        shapes |= squeeze(
            f"layer{at}", SAMPLE_WIDTHS[at - 1], SAMPLE_WIDTHS[at], 3, shortcut=at in (1, 4, 10)
        )
    return shapes | squeeze("layer11", 512, 512, 1, shortcut=False) | head(512, 512)


SHORT_WIDTHS = [1, 128, 128, 256, 256, 256, 256, 512]


def short() -> Shapes:
    shapes = mel(128)
    for at in range(1, 8):
        shapes |= conv(f"layer{at}", SHORT_WIDTHS[at - 1], SHORT_WIDTHS[at], 3, 3)
    return shapes | head(512, 512)


def short_res() -> Shapes:
    shapes = mel(128)
    for at in range(1, 8):
        shapes |= res(f"layer{at}", SHORT_WIDTHS[at - 1], SHORT_WIDTHS[at], 3, 3)
    return shapes | head(512, 512)


def attention() -> Shapes:
    shapes = mel(128)
    widths = [1, 128, 128, 256, 256, 256, 256, 256]
    for at in range(1, 8):
        shapes |= res(f"layer{at}", widths[at - 1], widths[at], 3, 3)
    for at in range(2):
        layer = f"encoder.layer.{at}"
        for part in ("query", "key", "value"):
            shapes |= affine(f"{layer}.attention.self.{part}", 256, 256)
        shapes |= affine(f"{layer}.attention.output.dense", 256, 256)
        shapes |= affine(f"{layer}.attention.output.LayerNorm", 256)
        shapes |= affine(f"{layer}.intermediate.dense", 1024, 256)
        shapes |= affine(f"{layer}.output.dense", 256, 1024)
        shapes |= affine(f"{layer}.output.LayerNorm", 256)
    return shapes | affine("pooler.dense", 256, 256) | affine("dense", 50, 256)


def hcnn() -> Shapes:
    shapes: Shapes = {"hstft.bw_Q": (1,), "hstft.spec.window": (512,)}
    shapes |= norm("hstft_bn", 6) | conv("layer1", 6, 128, 3, 3)
    for at in (2, 3, 4):
        shapes |= res(f"layer{at}", 128, 128, 3, 3, shortcut=False)
    shapes |= conv("layer5", 128, 256, 3, 3)
    for at in (6, 7):
        shapes |= res(f"layer{at}", 256, 256, 3, 3, shortcut=False)
    return shapes | head(256, 256)


MEL = ("spec.spectrogram.window", "spec.mel_scale.fb")

LAYOUTS = (
    Layout("fcn", 44, 447_732, MEL, fcn()),
    Layout("musicnn", 72, 784_300, MEL, musicnn()),
    Layout("crnn", 45, 394_100, MEL, crnn()),
    Layout("sample", 79, 1_869_874, (), sample()),
    Layout("se", 228, 6_951_858, (), se()),
    Layout("short", 65, 3_687_348, MEL, short()),
    Layout("short_res", 163, 12_104_244, MEL, short_res()),
    Layout("attention", 190, 10_521_652, MEL, attention()),
    Layout("hcnn", 100, 3_631_551, ("hstft.spec.window",), hcnn()),
)
