"""Architectures against the published ones: parameter counts, keys, lengths, and real weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from datamodules.common.errors import TagbenchError
from datamodules.common.seeding import rng_for
from lightning_modules.architectures.cnn_self_attention import SelfAttention
from lightning_modules.architectures.crnn import CRNN
from lightning_modules.architectures.fcn import FCN
from lightning_modules.architectures.harmonic_cnn import HarmonicCNN
from lightning_modules.architectures.musicnn import Musicnn
from lightning_modules.architectures.sample_cnn import SampleCNN
from lightning_modules.architectures.sample_cnn_se import SampleCNNSE
from lightning_modules.architectures.short_chunk_cnn import ShortChunkCNN, ShortChunkCNNRes
from lightning_modules.base import TaggingModule
from lightning_modules.layers.bert_encoder import EncoderLayer

# Class, parameters, learned scalars at 50 tags, entries of the reference's state dict, and how
# many of those are buffers that ours rebuilds (window and mel filterbank).
PUBLISHED: list[tuple[type[TaggingModule], dict[str, Any], int, int, int]] = [
    (FCN, {}, 447_732, 44, 2),
    (FCN, {"n_mels": 128}, 447_732, 44, 2),
    (Musicnn, {}, 784_300, 72, 2),
    (Musicnn, {"n_mels": 128}, 784_300, 72, 2),
    (Musicnn, {"n_channels": 512, "n_hidden": 500}, 7_972_000, 72, 2),
    (SampleCNN, {}, 1_869_874, 79, 0),
    (ShortChunkCNN, {}, 3_687_348, 65, 2),
    (ShortChunkCNNRes, {}, 12_104_244, 163, 2),
    (CRNN, {}, 394_100, 45, 2),
    (CRNN, {"n_mels": 128}, 394_100, 45, 2),
    (SampleCNNSE, {}, 6_951_858, 228, 0),
    (SelfAttention, {}, 10_521_652, 190, 2),
    (HarmonicCNN, {}, 3_631_551, 100, 1),
]


@pytest.mark.parametrize(
    ("cls", "params", "n_params", "n_keys", "n_rebuilt"),
    PUBLISHED,
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_size_and_layout_are_published_ones(cls, params, n_params, n_keys, n_rebuilt):
    model = cls.build(0, n_tags=50, **params)
    assert model.n_params == n_params
    assert len(model.state_dict()) == n_keys - n_rebuilt


def test_size_follows_number_of_tags():
    assert FCN.build(0, n_tags=20).n_params == 447_732 - 30 * 65


KEYS = {
    FCN: ["spec_bn.running_var", "layer5.conv.weight", "layer1.bn.bias", "dense.weight"],
    Musicnn: ["layers.0.conv.weight", "layers.4.bn.weight", "layer1.conv.bias", "bn.running_mean"],
    SampleCNN: ["layer1.conv.weight", "layer11.bn.num_batches_tracked", "dense.bias"],
    ShortChunkCNN: ["layer7.conv.weight", "dense1.weight", "bn.weight", "dense2.bias"],
    CRNN: ["layer4.bn.running_var", "layer5.weight_ih_l0", "layer5.bias_hh_l1", "dense.weight"],
    SampleCNNSE: ["layer1.conv_3.bias", "layer2.dense2.weight", "layer10.bn_3.weight", "bn.bias"],
    SelfAttention: [
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.1.attention.output.LayerNorm.bias",
        "encoder.layer.1.intermediate.dense.bias",
        "encoder.layer.0.output.dense.weight",
        "pooler.dense.weight",
        "dense.bias",
    ],
    HarmonicCNN: ["hstft.bw_Q", "hstft_bn.running_mean", "layer7.bn_2.bias", "dense1.bias"],
    ShortChunkCNNRes: ["layer1.conv_1.weight", "layer4.conv_3.bias", "layer7.bn_3.running_mean"],
}


@pytest.mark.parametrize("cls", KEYS, ids=lambda cls: cls.__name__)
def test_keys_are_those_of_reference(cls):
    assert set(KEYS[cls]) <= set(cls.build(0, n_tags=50).state_dict())


SHAPES = [
    (Musicnn, "layers.0.conv.weight", (204, 1, 67, 7)),
    (Musicnn, "layers.1.conv.weight", (204, 1, 38, 7)),
    (Musicnn, "layers.2.conv.weight", (51, 1, 129)),
    (Musicnn, "dense1.weight", (200, 1506)),
    (ShortChunkCNNRes, "layer3.conv_3.weight", (256, 128, 3, 3)),
    (CRNN, "layer5.weight_ih_l0", (96, 128)),
    (CRNN, "layer5.weight_hh_l1", (96, 32)),
    (SelfAttention, "layer4.conv_3.weight", (256, 256, 3, 3)),
    (SelfAttention, "encoder.layer.0.intermediate.dense.weight", (1024, 256)),
    (HarmonicCNN, "layer1.conv.weight", (128, 6, 3, 3)),
    (HarmonicCNN, "hstft.bw_Q", (1,)),
    (SampleCNNSE, "layer4.conv_3.weight", (256, 128, 3)),
    (SampleCNN, "layer11.conv.weight", (512, 512, 1)),
]


@pytest.mark.parametrize(("cls", "key", "shape"), SHAPES)
def test_layers_have_published_shapes(cls, key, shape):
    assert tuple(cls.build(0, n_tags=50).state_dict()[key].shape) == shape


LENGTHS = [
    (FCN, 327_424, 655_103),  # 1280 to 2559 frames
    (SampleCNN, 59_049, 118_095),
    (ShortChunkCNN, 32_512, None),  # 128 frames
    (ShortChunkCNNRes, 257, None),
    (Musicnn, 257, None),
    (CRNN, 24_320, None),  # 96 frames
    (SampleCNNSE, 59_049, 118_095),
    (SelfAttention, 257, None),
    (HarmonicCNN, 73_472, None),  # 288 frames
]


@pytest.mark.parametrize(("cls", "least", "most"), LENGTHS)
def test_length_limits_are_exact(cls, least, most):
    model = cls.build(0, n_tags=3).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, least)).shape == (1, 3)
        with pytest.raises(TagbenchError, match=r"cannot take .* s of audio"):
            model(torch.zeros(1, least - 1))
        if most:
            assert model(torch.zeros(1, most)).shape == (1, 3)
            with pytest.raises(TagbenchError, match="Cut windows of"):
                model(torch.zeros(1, most + 1))


def test_bands_that_layers_cannot_take_are_refused():
    with pytest.raises(TagbenchError, match="64 frequency bands: expected from 96 to 191"):
        FCN(n_tags=3, n_mels=64)


def test_shortcuts_of_the_ladder_with_se_are_where_the_shape_changes():
    keys = SampleCNNSE.build(0, n_tags=50).state_dict()
    assert {k.split(".")[0] for k in keys if "conv_3" in k} == {"layer1", "layer4", "layer10"}


def test_class_vector_is_numpy_s_seed_0_and_nobody_else_s():
    state = np.random.get_state()[1].copy()  # noqa: NPY002  it must not move
    model = SelfAttention.build(0, n_tags=3)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert model.cls.shape == (1, 256)
    # The first numbers after numpy.random.seed(0).
    np.testing.assert_allclose(model.cls[0, :3], [0.5488135, 0.71518937, 0.60276338], rtol=1e-6)
    assert not any("cls" in key for key in model.state_dict())


def torch_layer(layer: EncoderLayer) -> nn.TransformerEncoderLayer:
    """The same layer by torch's own class."""
    theirs = nn.TransformerEncoderLayer(
        256, 8, 1024, activation="gelu", layer_norm_eps=1e-12, batch_first=True
    ).eval()
    ours = layer.attention["self"]
    projections = [ours.query, ours.key, ours.value]
    theirs.self_attn.in_proj_weight.data = torch.cat([p.weight for p in projections])
    theirs.self_attn.in_proj_bias.data = torch.cat([p.bias for p in projections])
    theirs.self_attn.out_proj.load_state_dict(layer.attention["output"].dense.state_dict())
    theirs.norm1.load_state_dict(layer.attention["output"].LayerNorm.state_dict())
    theirs.linear1.load_state_dict(layer.intermediate["dense"].state_dict())
    theirs.linear2.load_state_dict(layer.output.dense.state_dict())
    theirs.norm2.load_state_dict(layer.output.LayerNorm.state_dict())
    return theirs


def test_encoder_is_a_post_norm_transformer():
    layer = SelfAttention.build(0, n_tags=3).eval().encoder.layer[0]
    x = torch.from_numpy(rng_for("tokens").standard_normal((2, 9, 256))).float()
    with torch.no_grad():
        theirs = torch_layer(layer)
        torch.testing.assert_close(layer(x), theirs(x), rtol=1e-4, atol=1e-5)
        _, maps = theirs.self_attn(x, x, x, average_attn_weights=False)
        torch.testing.assert_close(layer.weights(x), maps, rtol=1e-4, atol=1e-6)


def test_attention_can_be_read_and_forced():
    model = SelfAttention.build(0, n_tags=3).eval()
    audio = torch.from_numpy(rng_for("audio").standard_normal((1, 12_000))).float()
    with torch.no_grad():
        tokens = model.tokens(audio)
        assert tokens.shape == (1, 7, 256)  # 47 frames, divided by 8, and the class token
        assert torch.equal(tokens[:, 0], model.cls)
        logits = model(audio)
        first, last = model.attentions
        maps = first.weights(tokens)
        torch.testing.assert_close(maps.sum(-1), torch.ones(1, 8, 7))
        # Forcing what it would do anyway changes nothing; forcing another thing does.
        first.forced = maps
        torch.testing.assert_close(model.classify(tokens), logits, rtol=1e-4, atol=1e-5)
        last.forced = torch.eye(7).expand(1, 1, 7, 7)
        assert (model.classify(tokens) - logits).abs().max() > 1e-4


def test_encoder_drops_attention_in_training_alone():
    layer = SelfAttention.build(0, n_tags=3).encoder.layer[0]
    assert layer.output.dropout.p == layer.attention["output"].dropout.p == 0.4
    for module in layer.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x = torch.from_numpy(rng_for("tokens").standard_normal((1, 9, 256))).float()
    with torch.random.fork_rng(), torch.no_grad():
        assert not torch.equal(layer.train()(x), layer(x))
        assert torch.equal(layer.eval()(x), layer(x))


def test_any_front_end_fits_any_image_model():
    for cls in (FCN, CRNN, Musicnn, ShortChunkCNNRes, SelfAttention, HarmonicCNN):
        for name in ("stft", "harmonic"):
            model = cls.build(0, n_tags=3, frontend=name).eval()
            with torch.inference_mode():
                assert model(torch.zeros(1, max(12_000, model.min_samples))).shape == (1, 3)


def test_timbre_filters_of_musicnn_are_plain_convolutions():
    layer = Musicnn.build(0, n_tags=3).layers[1].eval()
    layer.bn.running_mean += 0.1
    layer.bn.weight.data[::2] *= -1
    x = torch.from_numpy(rng_for("map").standard_normal((2, 1, 96, 30))).float()
    plain = layer.bn(layer.conv(x)).relu().amax(2)
    torch.testing.assert_close(layer(x), plain, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def published_fcn(shared_data: Path) -> tuple[FCN, dict[str, Any]]:
    folder = shared_data / "checkpoints"
    golden = json.loads((folder / "won2020_fcn_mtat_golden.json").read_text(encoding="utf-8"))
    state = torch.load(folder / "won2020_fcn_mtat.pth", map_location="cpu", weights_only=True)
    model = FCN.build(0, n_tags=50).eval()
    model.load_state_dict({k: v for k, v in state.items() if not k.startswith("spec.")})
    return model, golden


def test_published_weights_give_published_outputs(published_fcn):
    model, golden = published_fcn
    t = np.arange(464000) / 16000
    tones = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.25 * np.sin(2 * np.pi * 1234.5 * t)
    signal = (tones + 0.1 * np.sin(2 * np.pi * 60 * t * t)).astype(np.float32)
    with torch.inference_mode():
        ours = model.probabilities(model(torch.from_numpy(signal)[None]))[0].numpy()
    theirs = golden["outputs"]["mtat/fcn"]["synthetic_single_window"]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_published_weights_give_published_outputs_on_music(published_fcn, shared_data):
    from datamodules.audio.decode import decode
    from datamodules.loaders.windowing import Windowing, cut, window_starts

    model, golden = published_fcn
    expected = golden["outputs"]["mtat/fcn"]
    audio = decode(shared_data / golden["clip"].split(",")[0], 16000)
    starts = window_starts(len(audio), 464000, Windowing(protocol="won2020"))
    windows = torch.from_numpy(cut(audio, starts, 464000))
    with torch.inference_mode():
        ours = torch.cat([model.probabilities(model(w)) for w in windows.split(4)]).numpy()
    np.testing.assert_allclose(ours[[0, 15]], expected["clip_windows_0_and_15"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(ours.mean(0), expected["clip_won2020_mean"], rtol=0, atol=1e-4)
